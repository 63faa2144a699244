#!/usr/bin/env python3
"""The pages in a browser: `check_pages.py PATH-OF-ENDORSED`.

Starts the demo, looks at every page with Chromium at desktop and phone width, in the light and the dark scheme, has axe-core
check it (labels, contrast, order of headings, landmarks, language), walks through it with the Tab key, and decides a review
with the keyboard alone; then looks at every letter of fixtures/letters. Screenshots are left in target/screenshots.
"""

import base64
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.request

import axe_core_python
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.chrome.service import Service

SHOTS = pathlib.Path("target/screenshots")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
# A demo on a busy machine takes a while; nothing waits for it when all is well.
PATIENCE_SECONDS = 180
# The longest page has fewer places to stop at.
TABS_MAX = 400
# Deals of the demo that show a state each.
DEALS = ["OPP-31001", "OPP-31003", "OPP-31011", "OPP-31013", "OPP-31014", "OPP-31016", "OPP-31044"]

failures = []


def check(holds, what):
    """Notes what does not hold, and goes on: one run tells everything."""
    if not holds:
        failures.append(what)
        print(f"FAILED {what}")


class Demo:
    """The demo as a process of its own."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, "demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.url, self.token = None, None
        deadline = time.monotonic() + PATIENCE_SECONDS
        for line in self.process.stdout:
            if found := re.search(r"http://[\d.]+:\d+", line):
                self.url = self.url or found[0]
            if found := re.search(r"edt_[\w-]+", line):
                self.token = self.token or found[0]
            if self.token or time.monotonic() > deadline:
                break
        assert self.url, "the demo gave no address"

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)


def browser():
    options = webdriver.ChromeOptions()
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def resize(driver, width, height):
    """Phones are narrower than Chromium's smallest window."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def scheme(driver, name):
    features = [{"name": "prefers-color-scheme", "value": name}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def screenshot(driver, name):
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
    (SHOTS / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


AXE = next(pathlib.Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text()
RUN_AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]})
   .then(r => done(r.violations.map(v => [v.id, v.help, v.nodes.slice(0, 3).map(n => n.html + " | " + n.failureSummary)])))
   .catch(e => done([["axe", String(e), []]]));
"""


def axe(driver, name):
    driver.execute_script(AXE)
    for rule, text, nodes in driver.execute_async_script(RUN_AXE):
        check(False, f"{name}: {rule}: {text}: " + "; ".join(nodes)[:600])


def looks_right(driver, name):
    """What axe does not ask: nothing sticks out of the window, nothing was refused by the page's own policy."""
    width = driver.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    wide = driver.execute_script(
        "return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1"
        " && !e.closest('.scroll')).map(e => e.outerHTML.slice(0, 90)).slice(0, 2)"
    )
    check(width[0] <= width[1], f"{name}: the page is {width[0]} wide in a window of {width[1]}: {wide}")
    check(len(driver.find_elements(By.CSS_SELECTOR, "h1")) == 1, f"{name}: one h1")
    small = driver.execute_script(
        "return [...document.querySelectorAll('main *')].filter(e => e.childNodes.length && e.checkVisibility()"
        " && parseFloat(getComputedStyle(e).fontSize) < 11.5).map(e => e.tagName).slice(0, 3)"
    )
    check(not small, f"{name}: letters smaller than 11.5 px in {small}")
    low = driver.execute_script(
        "return [...document.querySelectorAll('button,select,textarea,summary,nav a,.card,input[type=text],input[type=password],input[type=date],input[type=number]')]"
        ".filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 24).map(e => e.outerHTML.slice(0, 80)).slice(0, 3)"
    )
    check(not low, f"{name}: too low for a finger: {low}")
    for entry in driver.get_log("browser"):
        if entry["level"] == "SEVERE" and not re.search("favicon|status of (400|404|422)", entry["message"]):
            check(False, f"{name}: the browser says {entry['message']}")


FOCUSED = """
const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
const all = [...document.querySelectorAll('*')];
return {at: all.indexOf(e), tag: e.tagName, text: (e.innerText || e.name || '').slice(0, 40), visible: s.outlineStyle !== 'none' &&
        parseFloat(s.outlineWidth) >= 2, inside: r.width > 0 && r.right > 0 && r.left < innerWidth, type: e.type || ''};
"""


def tab_through(driver, name):
    """Every stop of the Tab key is in the order of the page and can be seen."""
    driver.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    last, stops = -1, 0
    for _ in range(TABS_MAX):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        stop = driver.execute_script(FOCUSED)
        if stop["tag"] == "BODY" or stop["at"] < last:
            break
        if stop["at"] == last:
            # A field for a date has a stop for each of its parts.
            continue
        if stops == 0:
            check("Skip" in stop["text"], f"{name}: the first stop is {stop}")
        check(stop["visible"] and stop["inside"], f"{name}: the focus cannot be seen on {stop}")
        last, stops = stop["at"], stops + 1
    wanted = driver.execute_script(
        "return [...document.querySelectorAll('a[href],button,input:not([type=hidden]):not([type=radio]),textarea,select,summary')]"
        ".filter(e => e.checkVisibility()).length"
    )
    check(stops >= wanted, f"{name}: the Tab key stops at {stops} of {wanted} places")


def open_all(driver):
    driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")


def look_at(driver, url, name, keyboard=False):
    driver.get(url)
    look_at_here(driver, name, keyboard)


def look_at_here(driver, name, keyboard=False):
    for size, (width, height) in SIZES.items():
        resize(driver, width, height)
        for colours in ["light", "dark"]:
            scheme(driver, colours)
            where = f"{name}-{size}-{colours}"
            if colours == "light" or size == "desktop":
                screenshot(driver, where)
            looks_right(driver, where)
            axe(driver, where)
    scheme(driver, "light")
    resize(driver, *SIZES["desktop"])
    if keyboard:
        tab_through(driver, name)
    open_all(driver)
    axe(driver, f"{name}-open")
    resize(driver, *SIZES["phone"])
    looks_right(driver, f"{name}-open-phone")
    screenshot(driver, f"{name}-open-phone")
    resize(driver, *SIZES["desktop"])
    driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = false); document.activeElement.blur()")


def press(driver, *keys):
    driver.switch_to.active_element.send_keys(*keys)


def tab_to(driver, selector):
    """Presses Tab until the focus is on `selector`."""
    for _ in range(TABS_MAX):
        press(driver, Keys.TAB)
        if driver.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return
    raise AssertionError(f"the Tab key never comes to {selector}")


def decide(driver, demo, review):
    """Signs in and decides with the keyboard alone: no click, no script."""
    driver.get(f"{demo.url}/review/{review}")
    tab_to(driver, "main a[href^='/sign-in']")
    press(driver, Keys.ENTER)
    look_at_here(driver, "sign-in")
    tab_to(driver, "#token")
    press(driver, "edt_wrong", Keys.ENTER)
    wait_for(driver, "[role=alert]")
    look_at_here(driver, "sign-in-wrong")
    tab_to(driver, "#token")
    press(driver, demo.token, Keys.ENTER)
    wait_for(driver, "form[action^='/review/']")
    check(driver.current_url.endswith(f"/review/{review}"), f"the sign-in leads back, not to {driver.current_url}")
    look_at_here(driver, "review-signed-in", keyboard=True)
    # A refusal first: nobody's word cannot be accepted. What was filled in stays.
    tab_to(driver, "input[name=choice]")
    press(driver, Keys.SPACE)
    tab_to(driver, "#reason")
    press(driver, "Percy speaks for the whole team, I called him.")
    tab_to(driver, "form[action*='#decide'] button")
    press(driver, Keys.ENTER)
    wait_for(driver, "#refused")
    look_at_here(driver, "review-refused")
    kept = driver.find_element(By.ID, "reason").get_attribute("value")
    check(kept.startswith("Percy speaks"), f"the reason is kept when a decision is refused: {kept!r}")
    check(driver.find_element(By.ID, "choice-confirmed").is_selected(), "the choice is kept")
    tab_to(driver, "select[name=named]")
    press(driver, Keys.ARROW_DOWN)
    tab_to(driver, "form[action*='#decide'] button")
    press(driver, Keys.ENTER)
    wait_for(driver, "[role=status]")
    look_at_here(driver, "review-decided")
    text = driver.find_element(By.TAG_NAME, "main").text
    check("accepted as confirmed" in text and "you@northwind-labs.example" in text, f"the decision is shown: {text[:300]}")
    driver.find_element(By.CSS_SELECTOR, ".facts a[href^='/opportunities/']").send_keys(Keys.ENTER)
    wait_for(driver, ".banner")
    look_at_here(driver, "accepted")
    text = driver.find_element(By.TAG_NAME, "main").text
    check("accepted by you@northwind-labs.example" in text and "not verified" in text, "an accepted win is told apart")
    check("Allowed by a decision" in text and "Not allowed" in text, f"its gates are told apart: {text[:400]}")


def look_as_auditor(driver, demo):
    """After a decision: what was overridden comes first."""
    look_at(driver, f"{demo.url}/audit?from=2026-11-01", "audit", keyboard=True)
    titles = [h.text for h in driver.find_elements(By.CSS_SELECTOR, "main h2")]
    check("What people overrode" in titles[1], f"the auditor sees {titles}")
    look_at(driver, f"{demo.url}/audit?from=yesterday", "audit-wrong")


def wait_for(driver, selector):
    deadline = time.monotonic() + 20
    while not driver.find_elements(By.CSS_SELECTOR, selector):
        assert time.monotonic() < deadline, f"{selector} never comes: {driver.page_source[:2000]}"
        time.sleep(0.05)


LETTERS = pathlib.Path("fixtures/letters")


def letters(driver):
    """Every letter as a reader sees it: in a wide and a narrow window, readable, without links, pictures and scripts."""
    files = sorted(LETTERS.glob("*.html"))
    check(len(files) > 20, "the letters were not found")
    (SHOTS / "letters").mkdir(parents=True, exist_ok=True)
    for file in files:
        for size, (width, height) in SIZES.items():
            name = f"letters/{file.stem}-{size}"
            resize(driver, width, height)
            driver.get(file.resolve().as_uri())
            active = driver.execute_script(
                "return [...document.querySelectorAll('a,img,script,form,button,input,iframe,link')].map(e => e.outerHTML)"
            )
            check(not active, f"{name}: a letter only says something: {active[:2]}")
            wide = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
            check(wide[0] <= wide[1], f"{name}: {wide[0]} wide in a window of {wide[1]}")
            check(driver.execute_script("return document.body.innerText.trim().length") > 80, f"{name}: says nothing")
            check(bool(driver.execute_script("return document.documentElement.lang")), f"{name}: no language")
            driver.execute_script(AXE)
            for rule, text, nodes in driver.execute_async_script(RUN_AXE):
                # A mail has no title and no landmarks: its subject is the reader's program's to show.
                if rule not in ("document-title", "landmark-one-main", "page-has-heading-one", "region"):
                    check(False, f"{name}: {rule}: {text}: " + "; ".join(nodes)[:400])
            screenshot(driver, name)


def main():
    SHOTS.mkdir(parents=True, exist_ok=True)
    demo = Demo(sys.argv[1])
    driver = browser()
    try:
        look_at(driver, f"{demo.url}/", "queue", keyboard=True)
        reviews = [a.get_attribute("href") for a in driver.find_elements(By.CSS_SELECTOR, "a[href^='/review/']")]
        check(len(reviews) >= 5, f"the demo's queue has {len(reviews)} mails to review")
        for deal in DEALS:
            look_at(driver, f"{demo.url}/opportunities/{deal}", deal, keyboard=deal == DEALS[1])
        look_at(driver, reviews[3], "review", keyboard=True)
        look_at(driver, f"{demo.url}/week", "week", keyboard=True)
        look_at(driver, f"{demo.url}/metrics-page", "metrics")
        look_at(driver, f"{demo.url}/opportunities/OPP-1", "missing")
        decide(driver, demo, reviews[0].rsplit("/", 1)[1])
        look_as_auditor(driver, demo)
        letters(driver)
    finally:
        driver.quit()
        demo.stop()
    if failures:
        sys.exit(f"{len(failures)} things are wrong with the pages and letters")
    print(f"the pages are as they should be; screenshots are in {SHOTS}")


main()
