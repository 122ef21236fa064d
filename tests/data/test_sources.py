"""What a step draws is a function of key, step and data, whatever holds them: one device, two, a stream, a run that was resumed."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh
from PIL import Image

from gan_jax.data import sources, stream
from gan_jax.data.folder import UnreadableImage, open_folder
from gan_jax.data.images import ImageSet, lazy, to_unit
from gan_jax.data.sources import Source, resident, resident_labelled, source_of, stacked, streamed
from tests.cases import cases
from tests.training.compilations import once

SIZE = 8


def numbered(count: int, channels: int = 1) -> ImageSet:
    """Images whose first pixel and its neighbour are their number in two digits of base 256, and whose last column is black."""
    images = np.random.default_rng(0).integers(1, 256, (count, SIZE, SIZE, channels), dtype=np.uint8)
    images[:, 0, 0] = (np.arange(count) // 256)[:, None]
    images[:, 0, 1] = (np.arange(count) % 256)[:, None]
    images[:, :, -1] = 0
    return ImageSet("numbered-8", images, np.arange(count, dtype=np.int32) % 10, 10)


def numbers(pictures: np.ndarray) -> np.ndarray:
    return pictures[..., 0, 0, 0].astype(int) * 256 + pictures[..., 0, 1, 0]


def mesh_of_two() -> Mesh:
    return Mesh(np.asarray(jax.devices()), ("batch",), axis_types=(AxisType.Auto,))


@functools.cache
def compiled(source: Source, batch: int) -> Callable:
    return jax.jit(lambda key, feed: source.draw(key, batch, feed=feed))


def drawn(source: Source, seed: int = 0, batch: int = 64, step: int = 0) -> np.ndarray:
    return np.asarray(compiled(source, batch)(jax.random.key(seed), source.feed(step, 1)))


KINDS: dict[str, Callable[..., Source]] = {
    "resident": lambda images, **options: resident(images, **options),
    "stacked": lambda images, **options: stacked(images, **options),
    "streamed": lambda images, **options: streamed(lazy(images), examples_per_step=4, seed=0, pool=128, **options),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Callable[..., Source]:
    return KINDS[request.param]


def test_batches_are_images_of_the_set_in_the_right_range(kind: Callable[..., Source]) -> None:
    images = numbered(300)
    source = kind(images)
    batch = drawn(source)
    assert (batch.dtype, batch.shape) == (np.float32, (64, *source.event_shape))
    known = {picture.tobytes() for picture in to_unit(images.images[..., 0])}
    for channel in range(source.event_shape[2]):
        assert {np.ascontiguousarray(picture).tobytes() for picture in batch[..., channel]} <= known
    np.testing.assert_array_equal(drawn(source), batch)
    assert (drawn(source, seed=1) != batch).any()
    source.close()
    source.close()


def test_the_data_are_bytes_on_the_device_and_no_constant_of_the_program(kind: Callable[..., Source]) -> None:
    small, large = kind(numbered(8)), kind(numbered(4000))
    sizes = []
    for source in (small, large):
        feed = source.feed(0, 1)
        assert isinstance(feed, jax.Array)
        assert feed.dtype == jnp.uint8
        jaxpr = jax.make_jaxpr(lambda key, feed, draw=source.draw: draw(key, 16, feed=feed))(jax.random.key(0), feed)
        assert sum(np.size(constant) for constant in jaxpr.consts) == 0
        sizes.append(len(compiled(source, 16).lower(jax.random.key(0), feed).as_text()))
        source.close()
    # The text of the program names shapes; 500 times the data adds a few digits to it.
    assert abs(sizes[1] - sizes[0]) < 200


def test_a_mesh_changes_no_number(kind: Callable[..., Source]) -> None:
    images = numbered(256)
    alone, over_two = kind(images), kind(images, mesh=mesh_of_two())
    np.testing.assert_array_equal(np.asarray(over_two.feed(0, 1)), np.asarray(alone.feed(0, 1)))
    assert len(over_two.feed(0, 1).sharding.device_set) == 2
    np.testing.assert_array_equal(drawn(over_two), drawn(alone))
    alone.close()
    over_two.close()


def test_the_same_array_is_fed_every_time_and_programs_compile_once(kind: Callable[..., Source]) -> None:
    source = kind(numbered(256))
    assert source.feed(0, 4) is source.feed(0, 2)
    draw = once(lambda key, feed: source.draw(key, 8, feed=feed))
    # The stream moves on to its second pool at step 32.
    for step in (0, 31, 32, 70):
        draw(jax.random.key(step), source.feed(step, 1))
    source.close()


@pytest.mark.parametrize("name", ["resident", "streamed"])
def test_half_of_the_images_are_mirrored_and_nothing_else_changes(name: str) -> None:
    plain, flipping = KINDS[name](numbered(128)), KINDS[name](numbered(128), flip=True)
    batch, flipped = (drawn(source, batch=2000) for source in (plain, flipping))
    # The last column of every image is black: it comes first where the image is mirrored.
    mirrored = (flipped[:, :, 0] == -1).all((1, 2))
    np.testing.assert_array_equal(flipped[~mirrored], batch[~mirrored])
    np.testing.assert_array_equal(flipped[mirrored], batch[mirrored][:, :, ::-1])
    assert abs(mirrored.mean() - 0.5) < 5 * np.sqrt(0.25 / 2000)
    for source in (plain, flipping):
        source.close()


@pytest.mark.parametrize("name", ["resident", "stacked"])
@pytest.mark.parametrize("mesh", [None, mesh_of_two], ids=["one device", "two"])
def test_what_becomes_of_the_callers_array_does_not_reach_the_device(name: str, mesh: Callable | None) -> None:
    images = numbered(1000)
    source = KINDS[name](images, mesh=mesh and mesh())
    images.images[:] = 7
    np.testing.assert_array_equal(np.asarray(source.feed(0, 1)), numbered(1000).images)


def test_every_image_is_drawn_equally_often() -> None:
    batch = drawn(resident(numbered(16)), batch=16_000)
    numbers_of = np.rint((batch[:, 0, 1, 0] + 1) * 127.5).astype(int)
    counts = np.bincount(numbers_of, minlength=16)
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(16_000 / 16 * 15 / 16)


def test_the_channels_of_a_stack_are_drawn_independently() -> None:
    source = stacked(numbered(16))
    assert source.event_shape == (SIZE, SIZE, 3)
    batch = drawn(source, batch=8000)
    of = np.rint((batch[:, 0, 1] + 1) * 127.5).astype(int)
    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert abs(np.mean(of[:, first] == of[:, second]) - 1 / 16) < 5 * np.sqrt(15 / 256 / 8000)


class Recording:
    """A sequence that remembers what was read from it."""

    def __init__(self, images: np.ndarray) -> None:
        self.images, self.read, self.lock = images, [], threading.Lock()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> np.ndarray:
        with self.lock:
            self.read.append(index)
        return self.images[index]


def pool_at(source: Source, step: int) -> np.ndarray:
    return numbers(np.asarray(source.feed(step, 1)))


def a_stream(images: ImageSet, **options: object) -> Source:
    return streamed(lazy(images), **{"examples_per_step": 8, "seed": 3, "pool": 64, **options})


def test_pools_are_the_order_and_every_example_comes_once_an_epoch() -> None:
    source = a_stream(numbered(320))
    # 8 examples a step: a pool of 64 serves 8 steps, and 5 pools are an epoch of 320.
    pools = [pool_at(source, step) for step in range(0, 80, 8)]
    np.testing.assert_array_equal(np.concatenate(pools), stream.places(0, 640, examples=320, seed=3))
    for epoch in (pools[:5], pools[5:]):
        np.testing.assert_array_equal(np.sort(np.concatenate(epoch)), np.arange(320))
    assert stream.position(43, examples=320, examples_per_step=8) == (1, 24)
    source.close()


def test_a_resumed_run_sees_the_same_pools_and_batches_at_any_step() -> None:
    images = numbered(150)
    through = a_stream(images, flip=True)
    chunks = range(0, 90, 5)
    seen = [(pool_at(through, step), drawn(through, seed=step, step=step)) for step in chunks]
    for start in (0, 5, 40, 85):
        again = a_stream(images, flip=True)
        for place, step in enumerate(chunks):
            if step >= start:
                np.testing.assert_array_equal(pool_at(again, step), seen[place][0])
                np.testing.assert_array_equal(drawn(again, seed=step, step=step), seen[place][1])
        again.close()
    # And a run that goes back.
    np.testing.assert_array_equal(pool_at(through, 0), seen[0][0])
    through.close()


def test_a_pool_may_be_larger_than_the_set() -> None:
    source = a_stream(numbered(20))
    np.testing.assert_array_equal(np.sort(pool_at(source, 0)[:20]), np.arange(20))
    assert np.bincount(pool_at(source, 0)).tolist().count(3) + np.bincount(pool_at(source, 0)).tolist().count(4) == 20
    source.close()


def test_the_next_pool_is_read_while_this_one_is_used() -> None:
    record = Recording(numbered(200).images)
    source = streamed(record, examples_per_step=8, seed=0, pool=64)
    record.read.clear()  # The shape was looked up.
    source.feed(0, 1)
    wanted = stream.places(0, 128, examples=200, seed=0)
    deadline = threading.Event()
    for _ in range(200):
        if len(record.read) == 128:
            break
        deadline.wait(0.02)
    assert sorted(record.read) == sorted(wanted)
    # Feeding from the pool that is held reads nothing more.
    source.feed(7, 1)
    assert len(record.read) == 128
    source.close()


def test_two_processes_read_disjoint_rows_whose_union_is_the_pool() -> None:
    images = numbered(100)
    mesh, order = mesh_of_two(), stream.places(64, 64, examples=100, seed=0)
    whole = streamed(lazy(images), examples_per_step=8, seed=0, pool=64)
    parts = {}
    for device in mesh.devices.flat:
        record = Recording(images.images)
        rows = stream.sharded_rows(64, mesh, [device])
        reader = stream.pools(record, (SIZE, SIZE, 1), pool=64, rows=rows, seed=0, threads=2)
        parts.update(reader.get(1))
        assert sorted(record.read) == sorted(np.concatenate([order[list(part)] for part in rows]))
        reader.close()
    joined = np.concatenate([parts[rows] for rows in sorted(parts, key=lambda rows: rows.start)])
    np.testing.assert_array_equal(joined, np.asarray(whole.feed(8, 1)))
    whole.close()


def test_any_random_access_sequence_can_be_streamed() -> None:
    images = numbered(70)
    mappings = [{"image": picture, "label": 0} for picture in images.images]
    for sequence in (list(images.images), images.images, mappings):
        source = streamed(sequence, examples_per_step=8, seed=3, pool=64)
        np.testing.assert_array_equal(pool_at(source, 0), stream.places(0, 64, examples=70, seed=3))
        source.close()


def test_what_a_thread_raises_is_raised_by_feed_and_names_the_file(tmp_path: Path) -> None:
    for i in range(20):
        noise = np.random.default_rng(i).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i:02}.png")
    broken = tmp_path / "07.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:1000])
    source = streamed(open_folder(tmp_path), examples_per_step=2, seed=0, pool=20)
    with pytest.raises(UnreadableImage, match=r"image .*07\.png cannot be read"):
        source.feed(0, 1)
    # Mended, the same source goes on.
    broken.write_bytes(whole)
    assert source.feed(0, 1).shape == (20, 40, 40, 3)
    source.close()


def test_close_ends_the_threads_and_a_closed_source_says_so() -> None:
    before = set(threading.enumerate())
    never = threading.Event()

    class SlowAfterTheFirstPool(Recording):
        def __getitem__(self, index: int) -> np.ndarray:
            if len(self.read) > 400:
                never.wait(0.05)
            return super().__getitem__(index)

    record = SlowAfterTheFirstPool(numbered(200).images)
    source = streamed(record, examples_per_step=8, seed=0, pool=400)
    source.feed(0, 1)
    source.close()
    assert set(threading.enumerate()) <= before
    # The second pool was begun and given up.
    assert len(record.read) < 2 * 400
    with pytest.raises(RuntimeError, match="the source is closed"):
        source.feed(0, 1)


@pytest.mark.parametrize(("limit", "pool"), [(300 * 64, 300), (300 * 64 - 1, 64)])
def test_images_stay_on_the_device_where_they_fit(limit: int, pool: int) -> None:
    images = numbered(300)
    for given in (images, lazy(images)):
        assert sources.fits(given, limit) == (pool == 300)
        source = source_of(given, examples_per_step=8, seed=0, pool=64, limit_bytes=limit)
        assert source.feed(0, 1).shape == (pool, SIZE, SIZE, 1)
        source.close()


def test_sources_by_name(tmp_path: Path) -> None:
    options = {"data_dir": tmp_path, "examples_per_step": 64, "seed": 0}
    assert sources.load_source("digits", size=16, **options).event_shape == (16, 16, 1)
    assert sources.load_source("digits", **options).feed(0, 1).shape == (1438, 8, 8, 1)
    small = sources.load_source("digits", limit_bytes=1000, pool=128, **options)
    assert small.feed(0, 1).shape == (128, 8, 8, 1)
    small.close()
    three = sources.load_source("stacked_digits", size=16, split="test", **options)
    assert (three.event_shape, three.feed(0, 1).shape) == ((16, 16, 3), (359, 16, 16, 1))
    with pytest.raises(ValueError, match="flip is True for stacked_digits; expected False"):
        sources.load_source("stacked_digits", flip=True, **options)


@cases(
    ("make", "sentence"),
    [
        (
            lambda: resident(numbered(3)._replace(images=np.zeros((3, 8, 8), np.uint8))),
            r"expected uint8 of shape \[n, h",
        ),
        (lambda: stacked(numbered(3, channels=3)), "images of numbered-8 have 3 channels; expected grey ones"),
        (lambda: a_stream(numbered(3), pool=7), "pool is 7; expected a value of at least 8"),
        (lambda: a_stream(numbered(3), examples_per_step=0), "examples_per_step is 0"),
        (lambda: a_stream(numbered(3), seed=-1), "seed is -1"),
        (lambda: a_stream(numbered(3), pool=65, mesh=mesh_of_two()), "pool is 65, which 2 devices cannot share evenly"),
        (
            lambda: a_stream(numbered(3)).feed(0, 9),
            "steps is 9; expected at most 8, since a step draws 8 examples and a",
        ),
        (lambda: streamed([], examples_per_step=1, seed=0), "the source has 0 examples"),
        (lambda: streamed([np.zeros((8, 8), np.uint8)], examples_per_step=1, seed=0), r"example 0 is uint8 \(8, 8\)"),
        (lambda: streamed([np.zeros((8, 8, 1))], examples_per_step=1, seed=0), r"example 0 is float64 \(8, 8, 1\)"),
    ],
)
def test_bad_input(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_an_example_of_another_shape_is_named() -> None:
    odd = [np.zeros((8, 8, 1), np.uint8)] * 9 + [np.zeros((8, 9, 1), np.uint8)]
    source = streamed(odd, examples_per_step=1, seed=0, pool=10)
    with pytest.raises(ValueError, match=r"example 9 is uint8 \(8, 9, 1\); expected uint8 \(8, 8, 1\), as example 0"):
        source.feed(0, 1)
    source.close()


def test_labelled_images_are_mirrored_where_that_is_asked_for() -> None:
    """Every other image, each with its own label; where it is not asked for, the images of a key are those that they were."""
    images = numbered(300)
    plain, flipped = resident_labelled(images), resident_labelled(images, flip=True)
    batch = flipped.draw(jax.random.key(1), 400, feed=flipped.feed(0, 1))
    found = np.asarray(jnp.round((batch.x + 1.0) * 127.5)).astype(int)
    # The last column is black, and the first two pixels are not both.
    mirrored = (found[:, :, 0] == 0).all(axis=(1, 2))
    assert abs(mirrored.mean() - 0.5) < 5 * 0.5 / np.sqrt(400)
    upright = np.where(mirrored[:, None, None, None], found[:, :, ::-1], found)
    number = upright[:, 0, 0, 0] * 256 + upright[:, 0, 1, 0]
    np.testing.assert_array_equal(batch.condition, images.labels[number])
    np.testing.assert_array_equal(upright, images.images[number])
    again = plain.draw(jax.random.key(1), 4, feed=plain.feed(0, 1))
    places = np.asarray(jax.random.randint(jax.random.key(1), (4,), 0, 300))
    np.testing.assert_array_equal(again.x, to_unit(images.images[places]))
