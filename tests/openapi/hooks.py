"""Changes the requests of schemathesis before they are sent, and exempts some responses from its checks."""

import itertools
import re

import schemathesis
from schemathesis.specs.openapi.checks import ensure_resource_availability, positive_data_acceptance

KEY = "Idempotency-Key"
KEY_CHARS_MAX = 255
numbers = itertools.count()

# The refusals of input that the documents allow, each with the reason why no schema can state it. No other is accepted.
EXCEPTIONS = [
    (422, r"this idempotency key was used for another request", "which keys were used is state"),
    (400, r"must not mix the letters of scripts", "which scripts are written together is a table of Unicode's"),
    (400, r"must not be a role \(or deactivated, erased\) and a number", "what looks like such a name is a table of Unicode's"),
    (400, r"must not contain invisible characters", "those beyond 16 bits cannot be written in every dialect of patterns"),
    (400, r"(input\.)?url must be an http or https address", "which hosts are names is a table of Unicode's (IDNA)"),
    (400, r"endDate must be (after startDate|in the future)", "two moments, and the clock, are compared"),
    (400, r"brokerageFee is for brokers only", "it depends on the caller's role"),
    (400, r"authorizationId (is for brokers only|must be given)", "it depends on the caller's role"),
    (400, r"committ?edAmount must not be", "how many shares there are, and are lent, is state"),
    (400, r"committedAmount and commitedAmount must be the same", "no schema compares two members"),
    (400, r"committedBalance must not be", "how much money is lent is state"),
    (400, r"user_id cannot be changed", "whose the order is is state"),
    (400, r"leader-id must be the id of a replica", "which replicas there are is state"),
    (400, r"userTo or else favorite is needed", "no parameter can say that it needs another one's absence"),
]


def exempted(status, message):
    """Returns whether a refusal is one of the exceptions; each of several reasons in one message must be one."""
    reasons = re.split(r"; (?=[\w.-]+ )", message)
    return all(any(status == known and re.search(pattern, reason) for known, pattern, _ in EXCEPTIONS) for reason in reasons)


def told(response):
    """Returns the message in the envelope of any mount; the reason of a member follows its name."""
    try:
        body = response.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    if isinstance(body.get("errors"), dict):
        return "; ".join(f"{name} {why}" for name, why in body["errors"].items())
    error = body.get("error")
    nested = error.get("message") if isinstance(error, dict) else None
    return str(nested or body.get("message") or body.get("response") or "")


@schemathesis.check
def allowed_data_is_taken(ctx, response, case):
    """As `positive_data_acceptance`, with the exceptions above."""
    if response.status_code >= 400 and exempted(response.status_code, told(response)):
        return None
    return positive_data_acceptance(ctx, response, case)


# The missing object may be another one than the created one: an object that the body names.
NAMED_IN_BODY = r"Product not found|User not found|stock not found|broker not found|stockholding not found"


@schemathesis.check
def made_resource_is_there(ctx, response, case):
    """As `ensure_resource_availability`, unless the body names another object that does not exist."""
    names = isinstance(case.body, dict) and response.status_code == 404
    if names and re.search(NAMED_IN_BODY, told(response)):
        return None
    return ensure_resource_availability(ctx, response, case)


def whole(value):
    """Returns the value with its whole floats as integers.

    In a JSON schema `5.0` is the integer 5. A quantity must not have a fraction, not even an empty one, and no schema sees
    how a number is written.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    return value


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Makes each valid key unique in a sequence of requests, and writes whole numbers as integers.

    The same key with the same request returns the first answer again, whose resource may have been deleted since:
    schemathesis reports that as a lost resource. Other tests check the idempotency keys.
    """
    if case.meta is None:
        return
    if case.meta.generation.mode.is_positive and isinstance(case.body, (dict, list)):
        case.body = whole(case.body)
    if case.meta.phase.name != "stateful":
        return
    key = (case.headers or {}).get(KEY)
    other = f"{key}{next(numbers)}"
    if isinstance(key, str) and key.strip() and len(other) <= KEY_CHARS_MAX:
        case.headers[KEY] = other
