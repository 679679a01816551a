#!/usr/bin/env python3
"""Checks every REST mount of a running demo server against its own OpenAPI document.

The document has to be valid OpenAPI 3.1; then schemathesis sends what the document allows and what it forbids, and
fails on a 5xx, on a status, media type, header or body that the document does not declare, on forbidden input that
is accepted, and on allowed input that is refused. `hooks.py` has the rules that no schema can state, with the reasons.

AGORA_URL is the address of the server. The run changes the server's sample data.
"""

import json
import os
import re
import subprocess
import sys
from urllib.request import Request, urlopen

from openapi_spec_validator import OpenAPIV31SpecValidator

URL = os.environ["AGORA_URL"].rstrip("/")
PASSWORD = "agora-demo-2026"
# Cases for each operation and check. All mounts together take about half a minute.
EXAMPLES = os.environ.get("AGORA_OPENAPI_EXAMPLES", "20")


def read(path, body=None):
    """Returns the response at this path as text; posts the body if there is one."""
    request = Request(URL + path, headers={"Content-Type": "application/json"})
    data = None if body is None else json.dumps(body).encode()
    with urlopen(request, data, timeout=60) as response:
        return response.read().decode()


def token(username):
    """Returns an access token of this demo user."""
    query = "mutation($u: String!, $p: String!) { login(login: $u, password: $p) { token } }"
    answer = read("/graphql", {"query": query, "variables": {"u": username, "p": PASSWORD}})
    return json.loads(answer)["data"]["login"]["token"]


def fuzz(mount):
    """Returns whether schemathesis finds no failure."""
    command = [
        os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", f"{URL}/{mount}/openapi.json",
        # `hooks.py` replaces these two with versions that have exceptions.
        "--checks", "all", "--exclude-checks", "positive_data_acceptance,ensure_resource_availability",
        "--max-examples", EXAMPLES, "--seed", "1", "--continue-on-failure", "--warnings", "off", "--no-color",
    ]
    if mount == "brokerage":
        command += ["--header", f"Authorization: Bearer {token('ada')}"]
    hooks = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hooks.py")
    return subprocess.run(command, check=False, env=os.environ | {"SCHEMATHESIS_HOOKS": hooks}).returncode == 0


def main():
    # The mounts that the start page links to. The brokerage is first, because other mounts may deactivate its users.
    mounts = sorted(set(re.findall(r'"/(\w+)/docs"', read("/"))), key=lambda name: (name != "brokerage", name))
    assert len(mounts) >= 3, f"the start page links to {mounts}"
    for mount in mounts:
        OpenAPIV31SpecValidator(json.loads(read(f"/{mount}/openapi.json"))).validate()
        print(f"{mount}: a valid OpenAPI 3.1 document", flush=True)
    failed = [mount for mount in mounts if not fuzz(mount)]
    if failed:
        sys.exit(f"not as documented: {', '.join(failed)}")


main()
