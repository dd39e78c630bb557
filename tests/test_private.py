"""What a camera wrote into a picture stays at home: not sent, not saved, not shown."""

import base64
import io
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

import kontext_nb as kx
from kontext_nb import parcel, pixels, target
from tests import faulty
from tests.fuzzing import PNG, chunk, chunks, png_of
from tests.test_fetch import TOKEN

PROMPT = "Make the sky orange"


def canary(name):
    """Return a word that no picture holds by chance, the longer so it is not packed."""
    return f"CANARY-{name}-{zlib.crc32(name.encode()):08x}"


NAMES = (
    *("maker", "artist", "note", "comment", "position", "thumbnail"),
    *("xmp", "iptc", "profile", "jpeg", "text", "ztext", "itext"),
)
CANARIES = [canary(name).encode() for name in NAMES]


def scene(width=48, height=32):
    """Four quarters, so that a turn shows."""
    image = Image.new("RGB", (width, height), (200, 30, 30))
    image.paste((30, 200, 30), (width // 2, 0, width, height // 2))
    image.paste((30, 30, 200), (0, height // 2, width // 2, height))
    return image


def exif(orientation=1):
    """Return EXIF with canaries in every directory, a thumbnail's among them."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F], tags[0x013B] = canary("maker"), canary("artist")
    inner = tags.get_ifd(0x8769)
    inner[0x927C] = canary("note").encode()
    inner[0x9286] = b"ASCII\0\0\0" + canary("comment").encode()
    place = tags.get_ifd(0x8825)
    place[1], place[2], place[29] = "N", (48.0, 8.0, 0.0), canary("position")
    return tags.tobytes() + canary("thumbnail").encode()  # as a thumbnail lies: behind


def profile():
    """Return sRGB whose description is a canary."""
    whole = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    words = canary("profile").encode("latin-1")
    name = b"sRGB built-in".decode().encode("utf-16-be")
    at = whole.find(name)
    assert at > 0
    # The canary stands behind the tags, where any reader skips it, and in the name.
    marked = whole[:at] + words[: len(name)].ljust(len(name)) + whole[at + len(name) :]
    marked += words
    return struct.pack(">I", len(marked)) + marked[4:]


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>'
    f"{canary('xmp')}</rdf:RDF></x:xmpmeta>"
).encode()
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x20" + canary("iptc").encode()


def jpeg(kind="JPEG", mode="RGB", orientation=1, **more):
    """Return a JPEG, or a phone's MPO, that says everything."""
    buffer = io.BytesIO()
    scene().convert(mode).save(
        buffer,
        kind,
        exif=exif(orientation),
        icc_profile=profile(),
        xmp=XMP,
        comment=canary("jpeg").encode(),
        quality=95,
        subsampling=0,
        **more,
    )
    data = buffer.getvalue()
    segment = b"\xff\xed" + struct.pack(">H", len(IPTC) + 2) + IPTC
    return data[:2] + segment + data[2:]


def png(mode="RGB", orientation=1):
    """Return a PNG with text of all three kinds, EXIF and a profile."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", canary("text"))
    text.add_text("Author", canary("ztext"), zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP.decode() + canary("itext"))
    buffer = io.BytesIO()
    more = {"exif": exif(orientation), "icc_profile": profile()}
    scene().convert(mode).save(buffer, "PNG", pnginfo=text, **more)
    return buffer.getvalue()


def webp(mode="RGB", orientation=1, **more):
    """Return a WebP with EXIF, XMP and a profile."""
    buffer = io.BytesIO()
    more |= {"exif": exif(orientation), "icc_profile": profile(), "xmp": XMP}
    scene().convert(mode).save(buffer, "WEBP", quality=95, **more)
    return buffer.getvalue()


INPUTS = {
    "jpeg": jpeg,
    "mpo": lambda: jpeg("MPO", save_all=True, append_images=[scene().rotate(180)]),
    "png": png,
    "webp": webp,
    "lossless webp": lambda: webp(lossless=True),
}


def variants():
    """Yield thirty more: in every mode, upright and turned."""
    second = {"save_all": True, "append_images": [scene()]}
    for turn in (1, 6):
        for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"):
            yield f"png {mode} {turn}", png(mode, turn)
        for mode in ("RGB", "L", "CMYK"):
            yield f"jpeg {mode} {turn}", jpeg("JPEG", mode, turn)
        yield f"jpeg in steps {turn}", jpeg("JPEG", "RGB", turn, progressive=True)
        yield f"mpo {turn}", jpeg("MPO", "RGB", turn, **second)
        for mode in ("RGB", "RGBA"):
            yield f"webp {mode} {turn}", webp(mode, turn)
        yield f"webp without loss {turn}", webp("RGB", turn, lossless=True)


def laid_open(data):
    """Return a file with what is packed in it unpacked, so that a search finds it."""
    found = [data]
    if data.startswith(PNG):
        for kind, body in chunks(data):
            if kind in (b"zTXt", b"iCCP"):
                found.append(zlib.decompress(body.partition(b"\0")[2][1:]))
            if kind == b"iTXt":
                found.append(body)
    elif data.startswith(b"%PDF"):
        for part in data.split(b"stream")[1::2]:
            unpacker = zlib.decompressobj()
            try:
                found.append(unpacker.decompress(part.lstrip(b"\r\n")))
            except zlib.error:
                found.append(part)
    found += [
        laid_open(base64.b64decode(part.partition(b'"')[0]))
        for mark in (b"data:image/png;base64,", b"data:image/jpeg;base64,")
        for part in data.replace(b"\n", b"").split(mark)[1:]
    ]
    return b"\n".join(found)


def told(data):
    """Return the canaries in a file, however they are written."""
    whole = laid_open(data)
    spread = [word.decode().encode("utf-16-be") for word in CANARIES]
    return {word for word in (*CANARIES, *spread) if word in whole}


@pytest.mark.parametrize("name", INPUTS)
def test_the_inputs_do_sing(name):
    """The files of this test say what they must not say elsewhere."""
    found = told(INPUTS[name]())
    wanted = {"maker", "artist", "note", "position", "thumbnail", "xmp", "profile"}
    wanted |= {"jpeg", "iptc"} if name in ("jpeg", "mpo") else set()
    wanted |= {"text", "ztext", "itext"} if name == "png" else set()
    assert found >= {canary(word).encode() for word in wanted}


@pytest.fixture
def service(monkeypatch):
    """A service that keeps what it is sent, and answers with a picture that sings."""
    monkeypatch.setenv("RUNCOMFY_TOKEN", TOKEN)
    download = faulty.answer(200, png(), content_type="image/png")
    with faulty.serve(download=[download]) as running:
        monkeypatch.setenv("RUNCOMFY_MODEL_API_BASE", running.origin + "/v1")
        yield running


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("form", ["path", "bytes", "Pillow"])
def test_nothing_but_pixels_is_sent(name, form, service, tmp_path):
    """The body of the paid request has the picture, and none of its stories."""
    path = tmp_path / canary("text")
    path.write_bytes(INPUTS[name]())
    given = {"path": path, "bytes": path.read_bytes()}.get(form) or Image.open(path)
    kx.edit(given, PROMPT)
    (sent,) = [seen for seen in service.seen if seen.phase == "submit"]
    assert told(sent.body) == set()
    for seen in service.seen:
        assert told(repr(seen.headers).encode()) == set()
    address = json.loads(sent.body)["image_url"]
    travelled = base64.b64decode(address.partition(",")[2])
    assert {kind for kind, _ in chunks(travelled)} == {b"IHDR", b"IDAT", b"IEND"}
    shown = np.asarray(Image.open(io.BytesIO(travelled)).convert("RGB")).astype(int)
    assert abs(shown - np.asarray(scene())).mean() < 6  # a WebP's colours are coarse


def test_nothing_but_pixels_is_sent_of_any_variant(tmp_path):
    """Nor saved: neither the mode nor the turn of a picture keeps its stories in."""
    sung = 0
    for name, data in variants():
        assert len(told(data)) >= 7, name
        picture = pixels.load(data)
        assert told(parcel.pack(picture).png) == set(), name
        for suffix in (".png", ".jpg", ".webp"):
            path = target.write(picture.image, tmp_path / f"saved{suffix}", {})
            assert told(path.read_bytes()) == set(), name
        sung += 1
    assert sung == 30


@pytest.mark.parametrize("name", INPUTS)
def test_nothing_but_pixels_is_exported(name, service, tmp_path):
    """Neither the source's stories nor the result's are in what is saved or shown."""
    edit = kx.edit(INPUTS[name](), PROMPT)
    for suffix in (".png", ".jpg", ".webp"):
        data = edit.save(tmp_path / f"edit{suffix}").read_bytes()
        assert told(data) == set(), suffix
        assert PROMPT.encode() in data
    grid = edit.chain.grid()
    for suffix in (".html", ".pdf", ".svg", ".png", ".jpg", ".webp"):
        data = grid.save(tmp_path / f"grid{suffix}").read_bytes()
        assert told(data) == set(), suffix
    for shown in (edit, grid):
        for form in shown._repr_mimebundle_().values():
            assert told(form if isinstance(form, bytes) else form.encode()) == set()
    assert service.paid == 1


def test_a_sweep_saved_as_a_page_holds_no_stories(service, tmp_path):
    """A page has the pictures in full, and still not as the service wrote them."""
    grid = kx.sweep(jpeg(), [PROMPT, "Make it night"], [1, 2])
    data = grid.save(tmp_path / "sweep.html").read_bytes()
    assert data.count(b"data:image/") == 6
    assert told(data) == set()
    assert service.paid == 4


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_the_turn_is_done_before_it_is_forgotten(orientation, service):
    """What is sent stands upright, and says nothing of having lain."""
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    stored = scene().transpose(back.get(orientation, Image.Transpose.ROTATE_270))
    buffer = io.BytesIO()
    stored.save(buffer, "PNG", exif=exif(orientation))
    kx.edit(buffer.getvalue(), PROMPT)
    (asked,) = [seen for seen in service.seen if seen.phase == "submit"]
    address = json.loads(asked.body)["image_url"]
    sent = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert sent.size == scene().size
    assert np.array_equal(np.asarray(sent), np.asarray(scene()))


def test_the_search_finds_what_is_packed():
    """The search has teeth: text under compression, and in a page, is found."""
    packed = chunk(b"zTXt", b"k\0\0" + zlib.compress(canary("ztext").encode()))
    inside = png_of(chunks(PNG + packed))
    page = b'<img src="data:image/png;base64,' + base64.b64encode(inside) + b'">'
    for data in (inside, page):
        assert told(data) == {canary("ztext").encode()}
