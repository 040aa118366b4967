"""Chromium without a window, and the page of the playground in it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
IS_INSTALLED = CHROMIUM is not None and DRIVER is not None

IS_READY = "return Boolean(window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle)"


@contextlib.contextmanager
def playground(*arguments, folder=None):
    """Run ``steepest play`` in a process of its own; yield it and the address of the page."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from steepest.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "play", "--no-browser", "--port", "0", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    try:
        first = process.stdout.readline()
        if " at " not in first:
            raise RuntimeError(first + process.stderr.read())
        yield process, first.split(" at ")[1].strip()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        process.stdout.close()
        process.stderr.close()


@contextlib.contextmanager
def chromium(width, height, is_phone=False):
    """Start Chromium; yield Selenium's driver."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--lang=en"):
        options.add_argument(argument)
    options.add_argument(f"--window-size={width},{height}")
    if os.name == "posix" and os.getuid() == 0:
        options.add_argument("--no-sandbox")  # as root, Chromium starts only so
    if is_phone:
        metrics = {"width": width, "height": height, "pixelRatio": 1.0, "touch": True}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def wait_for(condition, what, seconds=15):
    """Return what a condition gives as soon as that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {seconds} seconds")


def opened(driver, url):
    """Open the page, and wait until it is drawn."""
    driver.get(url)
    wait_for(lambda: driver.execute_script(IS_READY), "the page was drawn")
    return driver
