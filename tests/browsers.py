"""Where this machine has a Chromium, in whatever form."""

import shutil

# The same engine without windows: it takes the tests half the processor's time.
SHELL = "chromium-headless-shell"
WHOLE = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def installed(*names):
    """Return the path of the first that is here, or None; the quickest if not told."""
    return next(filter(None, map(shutil.which, names or (SHELL, *WHOLE))), None)
