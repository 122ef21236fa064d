"""A folder of files is the set it looks like: order, classes, colour, orientation, and one sentence for what cannot be used."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from gan_jax.data import folder
from gan_jax.data.folder import UnreadableImage, open_folder
from gan_jax.data.images import collect, nearest, resize
from gan_jax.data.sets import load
from tests.cases import cases


def noise(seed: int, height: int = 12, width: int = 12, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def save(path: Path, array: np.ndarray, **options: object) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(path, **options)
    return array


def test_files_are_read_in_the_order_of_their_names_whatever_their_endings(tmp_path: Path) -> None:
    pictures = [save(tmp_path / name, noise(i)) for i, name in enumerate(["a.png", "b.BMP", "c.PNG"])]
    pictures.append(save(tmp_path / "d.webp", noise(3), lossless=True))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image either")
    images = load(f"folder:{tmp_path}")
    assert (images.name, images.classes) == (f"folder:{tmp_path.name}-12", 0)
    assert (images.images.dtype, images.labels.dtype) == (np.uint8, np.int32)
    np.testing.assert_array_equal(images.images, np.stack(pictures))
    np.testing.assert_array_equal(images.labels, [-1] * 4)


def test_a_jpeg_is_what_pillow_makes_of_it(tmp_path: Path) -> None:
    save(tmp_path / "a.jpeg", noise(0))
    with Image.open(tmp_path / "a.jpeg") as image:
        np.testing.assert_array_equal(open_folder(tmp_path)[0], np.asarray(image))


def test_subfolders_of_one_level_are_classes(tmp_path: Path) -> None:
    for i, name in enumerate(
        ["loose.png", "cats/1.png", "cats/2.png", "ants/1.png", "ants/deeper/9.png", ".git/1.png"]
    ):
        save(tmp_path / name, noise(i))
    (tmp_path / "empty").mkdir()
    with pytest.warns(
        UserWarning, match="1 of 5 files in .* were left out: 1 images in folders below those of classes"
    ):
        images = load(f"folder:{tmp_path}", split="all")
    assert images.classes == 2
    np.testing.assert_array_equal(images.labels, [-1, 0, 1, 1])
    np.testing.assert_array_equal(images.images, np.stack([noise(0), noise(3), noise(1), noise(2)]))


def test_grey_stays_grey_and_a_mixture_becomes_colour(tmp_path: Path) -> None:
    grey = save(tmp_path / "a.png", noise(0, channels=1))
    assert open_folder(tmp_path).shape == (12, 12, 1)
    np.testing.assert_array_equal(open_folder(tmp_path)[0], grey)
    colour = save(tmp_path / "b.png", noise(1))
    mixed = collect(open_folder(tmp_path)).images
    np.testing.assert_array_equal(mixed, np.stack([np.repeat(grey, 3, axis=2), colour]))


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    levels = np.arange(144, dtype=np.uint16).reshape(12, 12) * 450
    Image.fromarray(levels).save(tmp_path / "a.png")
    images = open_folder(tmp_path)
    assert images.shape == (12, 12, 1)
    np.testing.assert_array_equal(images[0][..., 0], np.rint(levels / 65535 * 255))


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    layers = np.dstack([noise(0), np.full((12, 12), 255, np.uint8)])
    layers[:6, :, 3] = 0
    Image.fromarray(layers).save(tmp_path / "a.png")
    image = open_folder(tmp_path)[0]
    assert (image[:6] == 255).all()
    np.testing.assert_array_equal(image[6:], layers[6:, :, :3])


def test_images_are_turned_upright_before_their_size_is_compared(tmp_path: Path) -> None:
    upright = save(tmp_path / "a.png", noise(0, 16, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was turned: what is stored has to be turned clockwise by a quarter.
    save(tmp_path / "b.png", np.ascontiguousarray(np.rot90(upright)), exif=exif)
    images = open_folder(tmp_path)
    assert (images.shape, images.name) == ((16, 10, 3), f"folder:{tmp_path.name}-16x10")
    np.testing.assert_array_equal(images[1], images[0])


@cases("mode", ["L", "I;16", "P", "RGB", "RGBA", "CMYK"])
def test_a_tiff_that_lies_on_its_side_is_turned_packed_or_not(tmp_path: Path, mode: str) -> None:
    """Against the same pixels stored upright, turned by NumPy. Pillow maps files that are not packed, by the wrong size."""
    colours = Image.fromarray(noise(0, 12, 20))
    levels = np.arange(240, dtype=np.uint16).reshape(12, 20) * 273
    image = Image.fromarray(levels) if mode == "I;16" else colours.convert(mode)
    for orientation, turns in ((1, 0), (6, -1), (8, 1)):
        for packing in ("raw", "tiff_lzw"):
            folder = tmp_path / mode / f"{orientation}{packing}"
            folder.mkdir(parents=True)
            image.save(folder / "a.tif", compression=packing, tiffinfo={274: orientation})
            found = open_folder(folder)[0]
            np.testing.assert_array_equal(found, np.rot90(open_folder(tmp_path / mode / "1raw")[0], turns))


def test_a_size_makes_one_size_of_many_and_crops_only_when_asked(tmp_path: Path) -> None:
    wide, tall = save(tmp_path / "a.png", noise(0, 20, 30)), save(tmp_path / "b.png", noise(1, 40, 16))
    images = load(f"folder:{tmp_path}", size=16)
    assert (images.name, images.images.shape) == (f"folder:{tmp_path.name}-16", (2, 16, 16, 3))
    np.testing.assert_array_equal(images.images, np.stack([resize(wide, 16), resize(tall, 16)]))
    cropped = load(f"folder:{tmp_path}", size=16, crop=True)
    np.testing.assert_array_equal(cropped.images, np.stack([resize(wide[:, 5:25], 16), tall[12:28]]))


def test_images_of_mixed_size_are_named_with_their_sizes(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(0, 20, 30))
    save(tmp_path / "cats" / "b.png", noise(1, 20, 31))
    with pytest.raises(
        ValueError, match=r"a\.png has 20 × 30 and cats.b\.png has 20 × 31; give a size to resize all to"
    ):
        load(f"folder:{tmp_path}")
    # Cropped to squares they have one size.
    assert open_folder(tmp_path, crop=True).shape == (20, 20, 3)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Four images, of which the second is cut in two and the third is no image at all."""
    for i in range(4):
        save(tmp_path / f"{i}.png", noise(i, 40, 40))
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "2.png").write_text("no image")
    return tmp_path


def test_a_corrupt_image_is_named(damaged: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"image .*2\.png cannot be read \(no image that Pillow knows\); mend it"):
        open_folder(damaged)
    (damaged / "2.png").unlink()
    # Its header is whole, so it shows when the pixels are read.
    images = open_folder(damaged)
    with pytest.raises(UnreadableImage, match=r"image .*1\.png cannot be read \(.*truncated.*\).*skip_corrupt=True"):
        images[1]
    with pytest.raises(UnreadableImage, match=r"1\.png"):
        load(f"folder:{damaged}")


def test_corrupt_images_are_skipped_when_asked_and_counted(damaged: Path) -> None:
    with pytest.warns(
        UserWarning, match=r"2 of 4 files in .* were left out: 2 that cannot be read \(the first: image .*1\.png"
    ):
        images = load(f"folder:{damaged}", skip_corrupt=True)
    np.testing.assert_array_equal(images.images, np.stack([noise(0, 40, 40), noise(3, 40, 40)]))


def test_a_folder_of_nothing_but_corrupt_images(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(ValueError, match=r"holds no image that can be read; the first of 1: image .*a\.png"):
        open_folder(tmp_path, skip_corrupt=True)


def test_folders_that_are_missing_empty_or_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"folder .*nowhere does not exist; expected a folder of images"):
        load(f"folder:{tmp_path / 'nowhere'}")
    with pytest.raises(ValueError, match=r"folder .* holds no image; expected files ending in \.png, \.jpg"):
        load(f"folder:{tmp_path}")
    save(tmp_path / "a.png", noise(0))
    with pytest.raises(
        NotADirectoryError, match=rf"a\.png is a file; expected a folder of images, such as {tmp_path}$"
    ):
        load(f"folder:{tmp_path / 'a.png'}")


def test_images_below_eight_pixels(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(0, 7, 9))
    with pytest.raises(ValueError, match="size is 7; expected a whole number of pixels of at least 8"):
        open_folder(tmp_path)
    with pytest.raises(ValueError, match="size is 4"):
        open_folder(tmp_path, size=4)


# ------------------------------------------------------------------------------------------------- what is read, and what is not


@cases(
    ("name", "options"),
    [
        ("a.tif", {}),
        ("a.TIFF", {"compression": "tiff_lzw"}),
        ("a.gif", {}),
        ("a.jfif", {"format": "JPEG"}),
        ("a.jpe", {"format": "JPEG"}),
        ("a.dib", {}),
        ("a.ppm", {}),
    ],
)
def test_every_kind_of_image_is_read(name: str, options: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / name.replace(".", " ")
    save(folder / name, noise(0), **options)
    with Image.open(folder / name) as image:
        np.testing.assert_array_equal(open_folder(folder)[0], np.asarray(image.convert("RGB")))


def test_an_animation_is_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(i)).quantize(16) for i in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(open_folder(tmp_path)[0], np.asarray(frames[0].convert("RGB")))


def test_what_is_not_read_is_counted_by_reason_in_one_warning(tmp_path: Path) -> None:
    for name in ("a.png", "cats/b.png", "cats/kittens/c.png", "cats/kittens/younger/d.png"):
        save(tmp_path / name, noise(0))
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    for name in ("e.heic", "f.svg", "g.svg", "labels.csv", "cats/thumbs.db", "h"):
        (tmp_path / name).write_text("")
    (tmp_path / "cats" / "again").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.warns(UserWarning, match="left out") as warned:
        images = open_folder(tmp_path)
    assert images.left_out == {
        "links to nothing": 1,
        "files without an ending": 1,
        ".heic files": 1,
        ".svg files": 2,
        "links back to the folder itself": 1,
        "images in folders below those of classes": 2,
    }
    assert [str(one.message) for one in warned] == [
        f"8 of 10 files in {tmp_path} were left out: 1 .heic files, 2 .svg files, 1 links to nothing, 1 files without an ending, "
        "1 links back to the folder itself, 2 images in folders below those of classes"
    ]
    assert (images.class_names, images.class_counts, images.native) == (("cats",), (1,), (12, 12))


def test_a_run_beside_its_data_is_no_class_of_it(tmp_path: Path) -> None:
    save(tmp_path / "cats/1.png", noise(0))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / folder.RUN).touch()
    save(tmp_path / "run" / "samples.gif", noise(1))
    with pytest.warns(UserWarning, match="1 of 2 files in .* were left out: 1 folders of runs"):
        images = open_folder(tmp_path)
    assert (len(images), images.class_names) == (1, ("cats",))


def test_images_that_are_all_further_down_are_said_to_be(tmp_path: Path) -> None:
    save(tmp_path / "train" / "cats" / "a.png", noise(0))
    with pytest.raises(
        ValueError, match=r"holds no image, but 1 in folders further down, such as .*a\.png; .* such as .*train"
    ):
        open_folder(tmp_path)
    assert open_folder(tmp_path / "train").class_names == ("cats",)


def test_what_is_no_picture_is_not_run(tmp_path: Path) -> None:
    """PostScript is a program, and Pillow would have Ghostscript run it."""
    Image.new("L", (16, 16)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(UnreadableImage, match="no image that Pillow knows"):
        open_folder(tmp_path)


def test_the_nearest_of_several_sizes_is_taken(tmp_path: Path) -> None:
    for name, height, width in (("a.png", 40, 40), ("b.png", 41, 90), ("c.png", 33, 36)):
        save(tmp_path / name, noise(0, height, width))
    images = open_folder(tmp_path, size=(8, 16, 32, 64))
    assert (images.shape, images.native) == ((32, 32, 3), None)
    # Of two equally near the smaller: nothing is invented.
    assert [nearest(edge, (8, 16, 32, 64)) for edge in (1, 12, 13, 48, 49, 500)] == [8, 8, 16, 32, 64, 64]


def test_no_more_pixels_are_decoded_than_are_allowed(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(0, 20, 20))
    save(tmp_path / "b.png", noise(0, 20, 21))
    with pytest.raises(
        UnreadableImage, match=r"b\.png cannot be read \(it has 21 × 20 = 420 pixels; expected at most 400"
    ):
        open_folder(tmp_path, size=8, most_pixels=400)
    with pytest.warns(UserWarning, match="1 of 2 files .* left out"):
        assert len(open_folder(tmp_path, size=8, most_pixels=400, skip_corrupt=True)) == 1
    assert len(open_folder(tmp_path, size=8, most_pixels=420)) == 2


@pytest.mark.parametrize("edge", [7072, 11_000, 14_000])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(edge: int, tmp_path: Path) -> None:
    """50.01 million, 121 million where Pillow warns, and 196 million where it refuses itself."""
    Image.new("1", (edge, edge)).save(tmp_path / "a.png")
    with pytest.raises(
        UnreadableImage, match=r"(pixels; expected at most 50000000|it has more pixels than Pillow decodes)"
    ):
        open_folder(tmp_path, size=8)


def test_a_large_picture_is_read_like_any_other(tmp_path: Path) -> None:
    """Above 8 million pixels pictures are decoded one at a time; what comes out is the same."""
    picture = np.kron(noise(1, 29, 29, 1)[..., 0], np.ones((100, 100), np.uint8))
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert picture.size > folder.LARGE
    np.testing.assert_array_equal(open_folder(tmp_path, size=16)[0], resize(picture[..., None], 16))


# ----------------------------------------------------------------------------------------------------- levels beyond eight bits


def test_integers_of_32_bits_and_floats_are_grey_levels(tmp_path: Path) -> None:
    levels = np.linspace(0.0, 1.0, 144).reshape(12, 12)
    expected = np.rint(255 * levels)
    for name, array in (("i", np.rint(levels * 65535).astype(np.int32)), ("f", levels.astype(np.float32))):
        (tmp_path / name).mkdir()
        Image.fromarray(array).save(tmp_path / name / "a.tif")
        images = open_folder(tmp_path / name)
        assert images.shape == (12, 12, 1)
        np.testing.assert_allclose(images[0][..., 0], expected, atol=0 if name == "f" else 1)


@pytest.mark.parametrize(("bits", "ending"), [(12, "png"), (12, "tif"), (10, "png"), (8, "tif")])
def test_a_scan_of_fewer_bits_in_a_file_of_16_is_as_bright_as_it_was_meant(
    bits: int, ending: str, tmp_path: Path
) -> None:
    white = 2**bits - 1
    levels = np.linspace(0, white, 144).astype(np.uint16).reshape(12, 12)
    Image.fromarray(levels).save(tmp_path / f"a.{ending}")
    # A dark picture of the same scanner stays dark: the scale is the set's.
    Image.fromarray(levels // 100).save(tmp_path / f"b.{ending}")
    with pytest.warns(UserWarning, match=f"reach from 0 to {white}: 0 becomes black and {white} white"):
        images = open_folder(tmp_path)
    for image, given in zip(collect(images).images, (levels, levels // 100), strict=True):
        np.testing.assert_array_equal(image[..., 0], np.rint(255 * (given / white)))


def write_png(path: Path, levels: np.ndarray, bits: int = 16, clear: tuple[int, ...] = ()) -> None:
    """Bits a channel that Pillow reads and does not write, and a colour that stands for transparency; by the specification of PNG."""
    height, width, channels = levels.shape

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, bits, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    binary = (levels.reshape(height, -1, 1) >> np.arange(bits)[::-1] & 1).astype(np.uint8).reshape(height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(binary, axis=1))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    if clear:
        parts.insert(1, chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize(("channels", "opaque"), [(2, 4095), (2, 65_535), (3, 0), (4, 4095), (4, 65_535)])
def test_colours_of_12_bits_in_16_do_not_come_out_black(channels: int, opaque: int, tmp_path: Path) -> None:
    """Pillow gives 4 of the 12 bits: that is half a step of 15, and it is said; transparency may have all 16."""
    levels = np.linspace(0, 4095, 12 * 12 * channels).reshape(12, 12, channels).astype(np.uint16)
    if channels != 3:
        levels[..., -1] = opaque
    write_png(tmp_path / "a.png", levels)
    with pytest.warns(
        UserWarning, match="colours of more than 8 bits in .* reach 15: 15 becomes white, so that few levels are left"
    ):
        images = open_folder(tmp_path)
    expected = levels[..., : 3 if channels >= 3 else 1] / 4095 * 255
    assert np.abs(images[0].astype(float) - expected).max() <= 255 / 15 + 1
    assert images[0].max() == 255
    deep = levels * 16
    if channels != 3:
        deep[..., -1] = 65_535
    write_png(tmp_path / "a.png", deep)
    np.testing.assert_allclose(open_folder(tmp_path)[0].astype(float), expected, atol=1.01)


def test_levels_below_zero_and_beyond_every_scale(tmp_path: Path) -> None:
    levels = np.linspace(-3.0, 9.0, 144, dtype=np.float32).reshape(12, 12)
    Image.fromarray(levels).save(tmp_path / "a.tif")
    with pytest.warns(UserWarning, match="reach from -3 to 9: -3 becomes black and 9 white"):
        images = open_folder(tmp_path)
    np.testing.assert_allclose(images[0][..., 0], 255 * (levels.astype(float) + 3) / 12, atol=0.5 + 1e-4)
    Image.fromarray((levels * 1e8).clip(0).astype(np.int64).astype(np.uint32).view(np.int32)).save(tmp_path / "a.tif")
    with pytest.warns(UserWarning, match=r"and 9e\+08 white"):
        open_folder(tmp_path)
    levels[0, 0] = np.nan
    Image.fromarray(levels).save(tmp_path / "a.tif")
    with pytest.raises(UnreadableImage, match="levels that are NaN or infinite"):
        open_folder(tmp_path)


def test_a_colour_of_16_bits_that_is_transparent_is_white(tmp_path: Path) -> None:
    levels = np.arange(144, dtype=np.uint16).reshape(12, 12) * 450
    Image.fromarray(levels).save(tmp_path / "a.png", transparency=4500)
    image = open_folder(tmp_path)[0][..., 0]
    expected = np.rint(levels / 257.0)
    expected[levels == 4500] = 255
    np.testing.assert_array_equal(image, expected)


@cases("bits", [1, 2, 4])
def test_a_colour_of_few_bits_that_is_transparent_is_white(bits: int, tmp_path: Path) -> None:
    levels = np.arange(144).reshape(12, 12, 1) % 2**bits
    (tmp_path / str(bits)).mkdir()
    clear = 2**bits - 2
    write_png(tmp_path / str(bits) / "a.png", levels, bits, clear=(clear,))
    expected = np.where(levels == clear, 255, levels * (255 // (2**bits - 1)))
    np.testing.assert_array_equal(open_folder(tmp_path / str(bits))[0], expected)


def test_one_of_the_colours_of_16_bits_that_is_transparent_is_white(tmp_path: Path) -> None:
    levels = np.stack([np.arange(144) * factor for factor in (450, 300, 77)], axis=1).reshape(12, 12, 3)
    write_png(tmp_path / "a.png", levels, clear=(450 * 7, 300 * 7, 77 * 7))
    expected = levels / 257.0
    expected[0, 7] = 255
    np.testing.assert_allclose(open_folder(tmp_path)[0], expected, atol=1.01)


def write_tiff(path: Path, planes: list[np.ndarray], photometric: int, kind: int) -> None:
    """Planes of ``[h, w]``, or one of ``[h, w, channels]``; by the specification of TIFF, whose writers Pillow is not all of."""
    (height, width), strips = planes[0].shape[:2], [plane.tobytes() for plane in planes]
    channels = len(planes) if len(planes) > 1 else planes[0].size // (height * width)
    starts = [8 + sum(map(len, strips[:i])) for i in range(len(strips))]
    tags = {
        256: [width],
        257: [height],
        258: [8 * planes[0].itemsize] * channels,
        259: [1],
        262: [photometric],
        273: starts,
    }
    tags |= {
        277: [channels],
        278: [height],
        279: [len(strip) for strip in strips],
        284: [1 + (len(planes) > 1)],
        339: [kind] * channels,
    }
    first, lists, entries = starts[-1] + len(strips[-1]), b"", b""
    for tag, values in tags.items():
        packed = struct.pack(f"<{len(values)}I", *values)
        at = packed if len(values) == 1 else struct.pack("<I", first + len(lists))
        lists += b"" if len(values) == 1 else packed
        entries += struct.pack("<HHI", tag, 4, len(values)) + at
    header = b"II*\0" + struct.pack("<I", first + len(lists))
    path.write_bytes(header + b"".join(strips) + lists + struct.pack("<H", len(tags)) + entries + bytes(4))


def test_a_tiff_that_counts_from_white_is_no_negative(tmp_path: Path) -> None:
    levels = np.linspace(0, 65_535, 144).round().astype(np.uint16).reshape(12, 12)
    write_tiff(tmp_path / "a.tif", [65_535 - levels], photometric=0, kind=1)
    np.testing.assert_array_equal(open_folder(tmp_path)[0][..., 0], np.rint(levels / 257.0))
    write_tiff(tmp_path / "a.tif", [1.0 - (levels / 65_535).astype(np.float32)], photometric=0, kind=3)
    with pytest.warns(UserWarning, match="reach from -1 to -?0: -1 becomes black and -?0 white"):
        np.testing.assert_allclose(open_folder(tmp_path)[0][..., 0], levels / 257.0, atol=0.51)


def test_what_pillow_takes_for_other_numbers_is_refused(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", [np.zeros((12, 12), np.int8)], photometric=1, kind=2)
    with pytest.raises(UnreadableImage, match="8 bits with a sign"):
        open_folder(tmp_path)
    write_tiff(tmp_path / "a.tif", [np.zeros((12, 12), np.uint16)] * 3, photometric=2, kind=1)
    with pytest.raises(UnreadableImage, match="channels of 16 bits lie apart"):
        open_folder(tmp_path)


@cases(
    ("kind", "count", "value"),
    [
        (3, 1, b"\x09\0\0\0"),
        (2, 4, b"six\0"),
        (7, 4, b"\x06\0\0\0"),
        (5, 1, b"\xff\xff\0\0"),
        (99, 1, b"\x06\0\0\0"),
    ],
    ids=["9", "a word", "bytes", "a fraction beyond the end", "no type"],
)
def test_a_malformed_orientation_refuses_no_good_pixels(kind: int, count: int, value: bytes, tmp_path: Path) -> None:
    entry = (0x0112).to_bytes(2, "little") + kind.to_bytes(2, "little") + count.to_bytes(4, "little") + value
    block = b"Exif\0\0II*\0" + (8).to_bytes(4, "little") + (1).to_bytes(2, "little") + entry + bytes(4)
    picture = save(tmp_path / "a.png", noise(0, 16, 10), exif=block)
    np.testing.assert_array_equal(open_folder(tmp_path)[0], picture)


@cases("value", range(1, 9))
@cases("ending", ["png", "tif"])
def test_every_orientation_is_turned_as_pillow_turns_it(value: int, ending: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    folder = tmp_path / f"{ending} {value}"
    save(folder / f"a.{ending}", noise(0, 16, 10), exif=exif)
    with Image.open(folder / f"a.{ending}") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    images = open_folder(folder)
    assert images.shape == expected.shape
    np.testing.assert_array_equal(images[0], expected)
