"""An Editor without a browser, used as one would use it there."""

import kontext_nb as kx


def opened(picture):
    """Return an Editor of it, once all of it is shown."""
    editor = kx.Editor(picture)
    assert editor.settled()
    return editor


def two_lost(picture, shop):
    """Return an Editor with two edits that nobody knows about."""
    editor = kx.Editor(picture)
    editor.controls.count.value = 2
    shop.script(submit="lose")
    run(editor, "Make it night")
    return editor


def labels(choice):
    """Return what a list offers, as a browser says it."""
    return list(choice._options_labels)


def sight(editor):
    """Return what a browser shows that has heard all so far, by the widgets' ids."""
    return {
        "" if one.widget is editor.prompt else one.widget.model_id: {
            name: _told(getattr(one.widget, name)) for name in (*one.names, *one.within)
        }
        for one in editor.prompt._brought
    }


def _told(value):
    if isinstance(value, bytes):
        return {"buffer": 0}
    return [*value] if isinstance(value, tuple) else value


def press(editor, kind, seen=None):
    """Press Run or Cancel as the browser says it, at a sight of an earlier moment."""
    painted = editor.preserving.area.painted
    message = {"kind": kind, "seen": seen or sight(editor)}
    editor.prompt._heed(None, message, [painted])


def start(editor, prompt):
    """Type, and press Run."""
    editor.prompt.value = prompt
    press(editor, "run")


def run(editor, prompt):
    """Wait for what is under way, start it, and wait until it is shown."""
    assert editor.settled()
    start(editor, prompt)
    assert editor.settled()


def said(editor):
    """Return all that the status line says."""
    alarm = editor.status.alarm
    told = (editor.status.said, alarm.get("problem", ""), alarm.get("remedy", ""))
    return " ".join(filter(None, told))


def choices(editor):
    """Return the keys of the alarm's buttons."""
    return [choice["key"] for choice in editor.status.alarm.get("choices", ())]


def choose(editor, key, text="", *, number=None):
    """Press a button of the alarm that is shown, or that was of that number."""
    number = number or editor.status.alarm["number"]
    message = {"kind": "choose", "number": number, "key": key, "text": text}
    editor.status._heed(None, message, [])
    assert editor.settled()


def act(editor, kind, step="", value=None):
    """Do something with a step, and wait until the strip shows it."""
    editor.strip._heed(None, {"kind": kind, "step": step, "value": value}, [])
    assert editor.settled()
