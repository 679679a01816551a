#!/usr/bin/env python3
"""Generates clients from the OpenAPI documents and from the schema, compiles them and runs them against a demo server.

AGORA_URL is the address of a server with fresh sample data, which the scenarios change. Arguments are the names of
generators (default: all). The Python of this program has the packages of `requirements.txt`, and `npm ci` ran in this
folder. CARGO_TARGET_DIR may name a folder for the build of the Rust clients.

Nothing is edited between generation and use. The options of the generators are in this file and in `codegen.json`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

URL = os.environ.get("AGORA_URL", "http://127.0.0.1:4000").rstrip("/")
HERE = Path(__file__).resolve().parent
GENERATED = HERE / "generated"
# The programs that pip installed beside this Python.
BIN = Path(sys.executable).parent
ENVIRONMENT = os.environ | {"AGORA_URL": URL, "PATH": f"{BIN}:{HERE}/node_modules/.bin:{os.environ['PATH']}"}
# The longest that one program may take, in seconds.
PROGRAM_SECONDS_MAX = 600

# The generators of openapi-generator, each with its options. Documentation and empty test files are left out for all.
OPENAPI_GENERATOR = {
    "typescript-fetch": {"importFileExtension": ".js"},
    "rust": {"library": "reqwest", "packageVersion": "1.0.0"},
    "python": {},
}


def run(*command, **environment):
    """Runs a program in this folder. Its output is shown when it fails, which ends the generator's part of the check."""
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd=HERE,
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PROGRAM_SECONDS_MAX,
    )
    if done.returncode != 0:
        print(done.stdout, flush=True)
        raise subprocess.CalledProcessError(done.returncode, command)
    return done.stdout


def read_documents():
    """Writes the documents of all mounts to files, and returns the names of the mounts."""
    with urlopen(URL, timeout=60) as page:
        mounts = sorted(set(re.findall(r'"/(\w+)/docs"', page.read().decode())))
    assert len(mounts) >= 5, f"the start page links to {mounts}"
    (GENERATED / "openapi").mkdir(parents=True)
    for mount in mounts:
        with urlopen(f"{URL}/{mount}/openapi.json", timeout=60) as document:
            (GENERATED / f"openapi/{mount}.json").write_bytes(document.read())
    return mounts


def openapi_generator(name, mounts):
    """Generates the clients of one of the generators of openapi-generator, in one Java process."""
    folder = GENERATED / "configuration" / name
    folder.mkdir(parents=True)
    for mount in mounts:
        configuration = {
            "inputSpec": str(GENERATED / f"openapi/{mount}.json"),
            "generatorName": name,
            "outputDir": str(GENERATED / name / mount),
            "additionalProperties": {"packageName": mount} | OPENAPI_GENERATOR[name],
            "globalProperties": dict.fromkeys(("apiDocs", "modelDocs", "apiTests", "modelTests"), False),
        }
        (folder / f"{mount}.json").write_text(json.dumps(configuration, indent=2))
    run("openapi-generator-cli", "batch", "--fail-fast", "--threads", "2", *sorted(folder.iterdir()))


def run_typescript(program):
    """Compiles a TypeScript program together with what it imports, strictly, and runs it."""
    settings = GENERATED / f"{program}.tsconfig.json"
    source = f"../typescript/{program}.ts"
    settings.write_text(json.dumps({"extends": "../tsconfig.json", "include": [], "files": [source]}))
    run("tsc", "--project", settings)
    return run("node", GENERATED / f"javascript/typescript/{program}.js")


def run_python(program, *folders):
    """Compiles all generated modules, and runs a program that imports them from these folders."""
    run(sys.executable, "-W", "error", "-m", "compileall", "-q", *folders)
    path = os.pathsep.join(str(folder) for folder in folders)
    return run(sys.executable, HERE / f"python/{program}.py", PYTHONPATH=path)


def typescript_fetch(mounts):
    """openapi-generator -g typescript-fetch"""
    openapi_generator("typescript-fetch", mounts)
    return run_typescript("openapi-generator")


def rust(mounts):
    """openapi-generator -g rust"""
    openapi_generator("rust", mounts)
    target = os.environ.get("CARGO_TARGET_DIR", str(GENERATED / "target"))
    cargo = os.environ.get("CARGO", "cargo")
    return run(cargo, "run", "--quiet", "--locked", "--manifest-path", "rust/Cargo.toml", CARGO_TARGET_DIR=target)


def python(mounts):
    """openapi-generator -g python"""
    openapi_generator("python", mounts)
    return run_python("openapi_generator", *(GENERATED / "python" / mount for mount in mounts))


def openapi_typescript(mounts):
    """openapi-typescript with openapi-fetch"""
    for mount in mounts:
        target = GENERATED / f"openapi-typescript/{mount}.ts"
        run("openapi-typescript", GENERATED / f"openapi/{mount}.json", "--output", target)
    return run_typescript("openapi-typescript")


def openapi_python_client(mounts):
    """openapi-python-client"""
    folder = GENERATED / "openapi-python-client"
    folder.mkdir()
    for mount in mounts:
        document = GENERATED / f"openapi/{mount}.json"
        arguments = ["--path", document, "--meta", "none", "--output-path", folder / mount, "--fail-on-warning"]
        run("openapi-python-client", "generate", *arguments)
    return run_python("openapi_python_client", folder)


def graphql_codegen(_mounts):
    """graphql-codegen, client preset"""
    run("graphql-codegen", "--config", "codegen.json")
    return run_typescript("graphql-codegen")


GENERATORS = {
    "typescript-fetch": typescript_fetch,
    "rust": rust,
    "python": python,
    "openapi-typescript": openapi_typescript,
    "openapi-python-client": openapi_python_client,
    "graphql-codegen": graphql_codegen,
}


def main():
    names = sys.argv[1:] or list(GENERATORS)
    unknown = set(names) - GENERATORS.keys()
    assert not unknown, f"not generators: {unknown}; they are {', '.join(GENERATORS)}"
    # Only what earlier runs generated: the build of the Rust clients may stay.
    for old in GENERATED.glob("*"):
        if old.name != "target":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    mounts = read_documents()
    rows, failed = [], []
    for name in names:
        started = time.monotonic()
        try:
            scenarios = GENERATORS[name](mounts).count(": passed")
            expected = 1 if name == "graphql-codegen" else len(mounts)
            outcome = f"{scenarios} of {expected} scenarios passed"
            failed += [name] if scenarios != expected else []
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            outcome = f"FAILED: {error}"
            failed.append(name)
        rows.append(f"{GENERATORS[name].__doc__:40} {time.monotonic() - started:5.0f} s  {outcome}")
        print(rows[-1], flush=True)
    if failed:
        sys.exit(f"generated clients failed: {', '.join(failed)}")


main()
