#!/usr/bin/env python3
"""Fuzzes the HTTP interface of a daemon with mail in it, and checks a receipt as docs/API.md says.

check_api.py ENDORSED SCHEMATHESIS [EXAMPLES]: the two programs, and how many requests each operation gets at most.
Ends with 1 when an answer is not what the OpenAPI document promises, when a 5xx comes, or when the daemon dies.
"""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 60

# What stays out, and why:
# - positive_data_acceptance: a well-formed name of a mail or an act that is not on record is 404 or 409, as it should be.
EXCLUDED = "positive_data_acceptance"


def main(endorsed, schemathesis, examples):
    with tempfile.TemporaryDirectory(prefix="eda") as folder:
        return check(pathlib.Path(folder), endorsed, schemathesis, examples)


def check(folder, endorsed, schemathesis, examples):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("cur", "new", "tmp"):
        (folder / "Maildir" / name).mkdir(parents=True)
    conversations = ROOT / "fixtures" / "conversations"
    shutil.copy(conversations / "dns.json", folder / "dns.json")
    config = folder / "endorsed.toml"
    config.write_text(
        f"""[seller]
domains = ["northwind-labs.example"]
names = ["Northwind", "Cascade"]
evidence = "evidence@northwind-labs.example"
[store]
path = "store"
[dns]
file = "dns.json"
[policy]
trust_declared_champions = true
[http]
listen = "127.0.0.1:{port}"
open_on_loopback = "off"
requests_per_second = 1000000
[[mailbox]]
kind = "maildir"
path = "Maildir"
poll_seconds = 1
"""
    )
    for mail in sorted(conversations.glob("*/*.eml")):
        shutil.copy(mail, folder / "Maildir" / "new" / f"{mail.parent.name}.{mail.name}")
    run = [endorsed, "--config", str(config)]
    log = open(folder / "log", "wb")
    daemon = subprocess.Popen([*run, "run"], stderr=log, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait(url, len(list(conversations.glob("*/*.eml"))))
        token = subprocess.run(
            [*run, "tokens", "create", "fuzz@desk.example", "--role", "admin"], check=True, capture_output=True, text=True
        ).stdout.strip()
        receipt(endorsed, folder, url, token)
        fuzz = [schemathesis, "run", f"{url}/v1/openapi.json", "--header", f"Authorization: Bearer {token}"]
        fuzz += ["--max-examples", str(examples), "--checks", "all", "--exclude-checks", EXCLUDED, "--seed", "1"]
        status = subprocess.run(fuzz, cwd=folder, timeout=1200).returncode
        health = get(f"{url}/healthz")
        print("the daemon still answers:", health)
        return 1 if status or daemon.poll() is not None else 0
    finally:
        daemon.terminate()
        daemon.wait(30)
        text = (folder / "log").read_text(errors="replace")
        if "panicked" in text:
            print(text)
            sys.exit("the daemon panicked")


def get(url, token=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def wait(url, mails):
    """Until every mail is on record and considered."""
    start = time.monotonic()
    while True:
        try:
            health = get(f"{url}/healthz")
            if health["size"] > mails and health["waiting"] == 0:
                return
        except OSError:
            pass
        if time.monotonic() - start > PATIENCE:
            sys.exit("the daemon did not read its mail")
        time.sleep(0.2)


def receipt(endorsed, folder, url, token):
    """Runs the program of docs/API.md over a receipt, and over one that was changed."""
    block = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "API.md").read_text(), re.S).group(1)
    program = folder / "check.py"
    program.write_text(block)
    answer = get(f"{url}/v1/gate?opportunity=OPP-31001&to=commercial_review&receipt=true", token)
    key = (folder / "store" / "log.vkey").read_text().strip()
    said = subprocess.run([sys.executable, program, answer["receipt"], key], capture_output=True, text=True)
    expected = "allowed" if answer["allowed"] else "not allowed"
    if said.returncode or not said.stdout.startswith(f"{expected} OPP-31001"):
        sys.exit(f"docs/API.md does not check a receipt: {said.stdout}{said.stderr}")
    head, body, signature = answer["receipt"].split(".")
    bent = ".".join((head, ("A" if body[9] != "A" else "B").join((body[:9], body[10:])), signature))
    if subprocess.run([sys.executable, program, bent, key], capture_output=True).returncode == 0:
        sys.exit("docs/API.md takes a forged receipt")
    (folder / "receipt").write_text(answer["receipt"])
    verified = subprocess.run([endorsed, "verify", "--receipt", folder / "receipt", "--key", key], capture_output=True)
    if verified.returncode:
        sys.exit(f"verify --receipt: {verified.stderr}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 25))
