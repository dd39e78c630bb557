"""The export menu without a browser: what is written, where, and what is said of it."""

import threading
from pathlib import Path

import ipywidgets
import pytest
from PIL import Image

import kontext_nb as kx
from kontext_nb.errors import NotSaved, ParameterRejected
from kontext_nb.target import unused
from kontext_nb.widgets.exporting import ExportMenu
from tests.test_widgets_views import below


def sepia():
    return kx.edit(kx.samples.bottle().resize((96, 128)), "Make it sepia", seed=7)


@pytest.fixture
def edit(small_results, made_once):  # noqa: ARG001 - see there
    return made_once(sepia)


@pytest.fixture
def menu(edit):
    made = ExportMenu(edit.chain, edit=lambda: edit)
    yield made
    ipywidgets.Widget.close_all()


def press(menu, button):
    """Click, and wait until the menu has done what was asked."""
    done = threading.Event()
    button.observe(lambda change: change.new or done.set(), "disabled")
    button.click()
    assert done.wait(60)
    return menu.status.value


def test_a_picture_is_saved_where_it_says(menu, edit, tmp_path):
    """It lies in the working folder with its metadata, and its path is told."""
    menu.name.value = "poster"
    said = press(menu, menu.save_button)
    assert f"Saved as {tmp_path / 'poster.png'}" in said
    with Image.open(tmp_path / "poster.png") as image:
        assert image.size == edit.image.size
        assert "sepia" in image.text["kontext_nb"]


def test_nothing_is_written_over(menu, tmp_path):
    """A name that is taken gets a number, and both names are said."""
    (tmp_path / "edit.png").write_text("mine")
    press(menu, menu.save_button)
    said = press(menu, menu.save_button)
    assert "a file edit.png already" in said
    assert str(tmp_path / "edit-3.png") in said
    assert (tmp_path / "edit.png").read_text() == "mine"
    assert {path.name for path in tmp_path.glob("edit*")} == {
        "edit.png",
        "edit-2.png",
        "edit-3.png",
    }


def test_a_failure_is_two_sentences_and_leaves_no_file(menu, tmp_path):
    """What cannot be saved is said in the error's words, and can be tried again."""
    menu.name.value = "no/such/folder/x.png"
    said = press(menu, menu.save_button)
    assert "There is no folder" in said
    assert "Create it first" in said
    menu.name.value = "x.png"
    assert "Saved as" in press(menu, menu.save_button)
    assert [path.name for path in tmp_path.glob("*.png")] == ["x.png"]


def test_the_source_has_nothing_to_save(edit, tmp_path):
    """Where no step is chosen, that is said, and the name stays free."""
    menu = ExportMenu(edit.chain, edit=lambda: None)
    assert "Choose a step" in press(menu, menu.save_button)
    assert list(tmp_path.glob("*.png")) == []


def test_the_grid_in_every_format(menu, tmp_path):
    """The format changes the name's ending, and the file is of that format."""
    menu.what.value = "Comparison grid"
    for _, suffix in menu.format.options:
        menu.format.value = suffix
        assert menu.name.value == f"grid{suffix}"
        assert f"grid{suffix}" in press(menu, menu.save_button)
        assert (tmp_path / f"grid{suffix}").stat().st_size > 1000
    assert len(list(tmp_path.glob("grid.*"))) == 6


def test_a_page_and_the_code(menu, tmp_path):
    """The chain's page and its code are files; the code is also shown to be copied."""
    menu.what.value = "HTML page"
    assert "chain.html" in press(menu, menu.save_button)
    assert "Make it sepia" in (tmp_path / "chain.html").read_text()
    menu.what.value = "Python code"
    assert "chain.py" in press(menu, menu.save_button)
    press(menu, menu.code_button)
    assert menu.handout.code == (tmp_path / "chain.py").read_text()
    compile(menu.handout.code, "chain.py", "exec")
    menu.what.value = "Picture"
    assert menu.handout.code == ""


def test_a_download_is_the_file_itself(menu, tmp_path, monkeypatch):
    """The browser gets the bytes and the name; nothing is left on the kernel's disk."""
    sent = []
    monkeypatch.setattr(
        menu.handout, "send", lambda *given, **more: sent.append((given, more))
    )
    menu.name.value = "~/far/poster.jpg"
    assert "poster.jpg is sent" in press(menu, menu.download_button)
    (((content,), more),) = sent
    assert content == {"download": "poster.jpg"}
    assert more["buffers"][0][:3] == b"\xff\xd8\xff"
    assert list(tmp_path.glob("*.jpg")) == []


def test_plain_widgets_save_and_show(edit, tmp_path):
    """Without a script of ours there is no download; the code stands in a box."""
    with kx.configure(widgets="plain"):
        menu = ExportMenu(edit.chain, edit=lambda: edit)
    assert menu.download_button.layout.display == "none"
    assert str(tmp_path) in press(menu, menu.save_button)
    menu.what.value = "Python code"
    press(menu, menu.code_button)
    (box,) = below(menu, ipywidgets.Textarea)
    assert "sepia" in box.value


def test_two_savers_never_get_one_name(tmp_path):
    """A name is held from the moment it is given; a failed block gives it up."""
    names = []

    def take():
        with unused(tmp_path / "a.png") as free:
            names.append(free.name)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == sorted({"a.png", *(f"a-{n}.png" for n in range(2, 9))})
    with pytest.raises(ZeroDivisionError), unused(tmp_path / "b.png"):
        _ = 1 / 0
    assert not (tmp_path / "b.png").exists()


def test_a_name_that_cannot_be_is_refused(tmp_path):
    """A folder in the way or a disk that takes nothing is an error of the tree."""
    (tmp_path / "d.png").mkdir()
    with (
        pytest.raises(ParameterRejected, match="is a folder"),
        unused(tmp_path / "d.png"),
    ):
        pass
    with (
        pytest.raises(NotSaved, match="cannot be written"),
        unused(Path("/proc/x.png")),
    ):
        pass
