"""What happens to the requests of schemathesis before they are sent."""

import itertools

import schemathesis

KEY = "Idempotency-Key"
KEY_CHARS_MAX = 255
numbers = itertools.count()


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Makes each good key another one, where requests follow one another.

    The same key with the same request has the first answer again, and leads to what may have been deleted since:
    schemathesis takes that for a resource that was lost. That a key does what it should is the tests' business.
    """
    if case.meta is None or case.meta.phase.name != "stateful":
        return
    key = (case.headers or {}).get(KEY)
    other = f"{key}{next(numbers)}"
    if isinstance(key, str) and key.strip() and len(other) <= KEY_CHARS_MAX:
        case.headers[KEY] = other
