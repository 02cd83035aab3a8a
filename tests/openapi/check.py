"""Lets tools that nobody here wrote judge the description of REST, and the answers by it.

    check.py PROGRAM NODE_PROGRAMS

PROGRAM is `tally` as it was built, NODE_PROGRAMS the folder of `redocly` and `spectral`. The suite is started with the sample month on SQLite in a
folder of its own, and is stopped by its own process id. Everything that is tried follows from the description and what was answered before, one
after the other: a busy machine makes it slower, and no other.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
# So long may the suite take to begin.
BEGINS_WITHIN = 300
# Together they may nearly everything: nobody may prepare and approve.
ROLES = ["group_hr", "auditor", "group_admin", "integrator", "platform_operator"]
PASSWORD = "Correct-Horse-9-Battery"
# What would end what the rest stands on is tried last, each by itself.
LAST = ["identity.Session.EndAllSessions", "identity.Entitlement.SetModules", "identity.Tenant.SuspendTenant", "identity.Tenant.DeleteTenant"]


class Suite:
    """A running suite."""

    def __init__(self, program, folder):
        self.said = folder / "said"
        environment = {
            "PATH": os.environ["PATH"],
            "TALLY_DATABASE_URL": f"sqlite://{folder}/{{service}}.db",
            "TALLY_KEYS_DIRECTORY": str(folder / "keys"),
            "TALLY_TELEMETRY_LOG": "error",
        }
        ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        with open(self.said, "wb") as said, open(folder / "log", "wb") as log:
            self.process = subprocess.Popen([program, "serve", "--sample", *ports], env=environment, stdout=said, stderr=log)
        self.at = self.begun(folder / "log")

    def begun(self, log):
        until = time.monotonic() + BEGINS_WITHIN
        while time.monotonic() < until and self.process.poll() is None:
            said = self.said.read_text()
            if "the gateway is at " in said:
                return said.split("the gateway is at ")[1].split(",")[0]
            time.sleep(0.2)
        self.process.kill()
        sys.exit(f"the suite did not begin: {self.said.read_text()}{log.read_text()}")

    def ask(self, verb, path, body=None, token=None):
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        sent = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.at + path, sent, headers, method=verb)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            sys.exit(f"{verb} {path}: {refused.read().decode()}")

    def token(self, login, password):
        return self.ask("POST", "/v1/sessions", {"login": login, "password": password})["accessToken"]

    def walker(self, login):
        """The token of a login of its own that may nearly everything."""
        admin = self.token("admin", self.said.read_text().splitlines()[1])
        self.ask("POST", "/v1/logins", {"login": login, "password": PASSWORD}, admin)
        for role in ROLES:
            grant = {"role": role, "scope": "SCOPE_KIND_TENANT", "validFrom": "2020-01-01", "reason": "the walk"}
            self.ask("POST", "/v1/grants", {"login": login, "grant": grant}, admin)
        return self.token(login, PASSWORD)


def run(name, folder, command):
    """Runs a judge in a folder of its own: what it keeps goes with that, so that every run is the first."""
    print(f"-- {name}", flush=True)
    began = time.monotonic()
    ended = subprocess.run(command, cwd=folder, env=os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "PYTHONDONTWRITEBYTECODE": "1", "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"})
    print(f"-- {name}: {'clean' if ended.returncode == 0 else 'FAILED'} ({time.monotonic() - began:.0f} s)", flush=True)
    return ended.returncode == 0


def schemathesis(suite, token, more):
    program = pathlib.Path(sys.executable).parent / "st"
    return [program, "--config-file", HERE / "schemathesis.toml", "run", suite.at + "/openapi.json",
            "--header", f"Authorization: Bearer {token}", *more]


def main(program, node):
    program, node = pathlib.Path(program).resolve(), pathlib.Path(node).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        suite = Suite(program, folder)
        try:
            token, tokens = suite.walker("walker"), [suite.walker(f"walker-{number}") for number, _ in enumerate(LAST)]
            description = folder / "openapi.json"
            description.write_text(json.dumps(suite.ask("GET", "/openapi.json")))
            clean = [
                run("redocly", folder, [f"{node}/redocly", "lint", "--config", HERE / "redocly.yaml", description]),
                run("openapi-spec-validator", folder, [sys.executable, "-m", "openapi_spec_validator", description]),
                run("spectral", folder, [f"{node}/spectral", "lint", "--ruleset", HERE / "spectral.yaml", "--fail-severity", "warn", description]),
            ]
            never = [word for last in LAST for word in ("--exclude-operation-id", last)]
            clean.append(run("schemathesis", folder, schemathesis(suite, token, never)))
            for last, token in zip(LAST, tokens):
                clean.append(run(f"schemathesis, {last}", folder, schemathesis(suite, token, ["--include-operation-id", last])))
            clean.append(suite.process.poll() is None)
        finally:
            suite.process.terminate()
            suite.process.wait()
    sys.exit(0 if all(clean) else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
