"""Headless Chromium for tests of pages, controlled by JSON messages over a pipe."""

import itertools
import json
import os
import pathlib
import select
import shutil
import subprocess
import time
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
PATIENCE_SECONDS = 60
# Start of a script for a page of players: finds the first one and its time line, and awaits it.
FIRST_PLAYER = """
const section = document.querySelector("section"), player = section.querySelector("video");
const drawing = section.querySelector(".drawing"), cursor = section.querySelector(".cursor");
const event = (name) => new Promise((done) => player.addEventListener(name, done, {once: true}));
if (player.readyState < 2) await event("loadeddata");
let seeked = event("seeked");
"""


def evaluate(page: pathlib.Path, script: str, profile: pathlib.Path) -> tuple[Any, list[str]]:
    """Runs an asynchronous function's body on a page; returns its result and the page's errors.

    Args:
        page: HTML file.
        script: JavaScript, the body of a function; its result must be JSON.
        profile: Folder for the browser's own files.
    """
    from_us, to_browser = os.pipe()
    from_browser, to_us = os.pipe()
    ids, errors = itertools.count(1), []
    buffer = b""

    def wait_for(found) -> dict:
        nonlocal buffer
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            while b"\0" not in buffer:
                left = max(0, deadline - time.monotonic())
                if not select.select([from_browser], [], [], left)[0]:
                    raise TimeoutError("The browser does not answer.")
                received = os.read(from_browser, 2**16)
                if not received:
                    raise EOFError("The browser has ended.")
                buffer += received
            text, _, buffer = buffer.partition(b"\0")
            message = json.loads(text)
            if message.get("method") == "Runtime.exceptionThrown":
                errors.append(message["params"]["exceptionDetails"]["text"])
            if message.get("method") == "Log.entryAdded":
                errors.append(message["params"]["entry"]["text"])
            if found(message):
                return message

    def ask(method: str, session: str | None = None, **params) -> dict:
        number = next(ids)
        request = {"id": number, "method": method, "params": params}
        if session:
            request["sessionId"] = session
        os.write(to_browser, json.dumps(request).encode() + b"\0")
        answer = wait_for(lambda message: message.get("id") == number)
        assert "error" not in answer, answer
        return answer["result"]

    process = subprocess.Popen(
        # The browser reads from descriptor 3 and writes to 4.
        ["bash", "-c", f'exec "$@" 3<&{from_us} 4>&{to_us}', "-", CHROMIUM]
        + ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,900"]
        + ["--remote-debugging-pipe", f"--user-data-dir={profile}"],
        pass_fds=(from_us, to_us),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(from_us)
    os.close(to_us)
    try:
        target = ask("Target.createTarget", url="about:blank")["targetId"]
        session = ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            ask(f"{domain}.enable", session)
        ask("Page.navigate", session, url=page.resolve().as_uri())
        wait_for(lambda message: message.get("method") == "Page.loadEventFired")
        answer = ask(
            "Runtime.evaluate",
            session,
            expression=f"(async () => {{{script}}})()",
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value"), errors
    finally:
        process.kill()
        process.wait()
        os.close(to_browser)
        os.close(from_browser)
