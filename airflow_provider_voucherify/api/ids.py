"""Many customer ids in little memory; pure."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Final, TypeVar, overload

T = TypeVar("T")

#: Ends an id: no text has this byte when it is encoded.
_END = b"\xff"
#: A set has a shelf for about so many ids: more take longer to look through, fewer take more memory.
_IDS_PER_SHELF = 8
_SHELVES_AT_FIRST = 256
_IDS_PER_BLOCK = 10_000
#: Each a power of two.
_SLOTS_AT_FIRST = 256
#: More are not believed before they come.
_MOST_EXPECTED = 10_000_000
_ALL_BITS = 2**64 - 1
#: Where texts begin, in so few bytes while they are shorter than 4 GiB together, in more from then on.
_SHORT: Final = "I"
_LONG: Final = "Q"


class IdSet(AbstractSet[str]):
    """A set of ids that takes a quarter of the memory of ``set``, where the ids are held by nobody else."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._shelves = [_END] * _SHELVES_AT_FIRST
        self._size = 0
        self.update(ids)

    def add(self, customer_id: str) -> bool:
        """Add an id; return whether it is new."""
        shelves = self._shelves
        place, entry = hash(customer_id) % len(shelves), _encoded(customer_id)
        shelf = shelves[place]
        if _END + entry in shelf:
            return False
        shelves[place] = shelf + entry
        self._size += 1
        if self._size > _IDS_PER_SHELF * len(shelves):
            self._spread()
        return True

    def update(self, ids: Iterable[str]) -> None:
        """Add ids."""
        for customer_id in ids:
            self.add(customer_id)

    def discard(self, customer_id: str) -> None:
        """Remove an id, if it is there."""
        if customer_id not in self:
            return
        place = hash(customer_id) % len(self._shelves)
        self._shelves[place] = self._shelves[place].replace(_END + _encoded(customer_id), _END, 1)
        self._size -= 1

    def _spread(self) -> None:
        """Have four times as many shelves, to be filled anew."""
        ids, shelves = iter(self), [_END] * (4 * len(self._shelves))
        for customer_id in ids:
            shelves[hash(customer_id) % len(shelves)] += _encoded(customer_id)
        self._shelves = shelves

    def __contains__(self, customer_id: object) -> bool:
        if not isinstance(customer_id, str):
            return False
        return _END + _encoded(customer_id) in self._shelves[hash(customer_id) % len(self._shelves)]

    def __iter__(self) -> Iterator[str]:
        for shelf in self._shelves:
            yield from _decoded(shelf[1:])

    def __len__(self) -> int:
        return self._size


class LazyIdSet(AbstractSet[str]):
    """A set of ids that is made when it is first asked for one: to count them, or to go through them, takes no memory.

    :param read: returns an iterator of the ids, each once.
    :param count: returns how many there are.
    """

    def __init__(self, read: Callable[[], Iterator[str]], count: Callable[[], int]) -> None:
        self._read = read
        self._count = count
        self._ids: IdSet | None = None

    @classmethod
    def _from_iterable(cls, it: Iterable[T]) -> AbstractSet[T]:
        return frozenset(it)

    def __contains__(self, customer_id: object) -> bool:
        if self._ids is None:
            self._ids = IdSet(self._read())
        return customer_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return self._read() if self._ids is None else iter(self._ids)

    def __len__(self) -> int:
        return self._count() if self._ids is None else len(self._ids)


class IdList(Sequence[str]):
    """A list of ids that takes a quarter of the memory of ``list``: to be read in order, or in slices."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._blocks: list[bytes] = []
        self._last: list[str] = []
        for customer_id in ids:
            self.append(customer_id)

    def append(self, customer_id: str) -> None:
        """Add an id at the end."""
        self._last.append(customer_id)
        if len(self._last) == _IDS_PER_BLOCK:
            self._blocks.append(b"".join(map(_encoded, self._last)))
            self._last = []

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        places = range(len(self))[index]
        if isinstance(places, int):
            return self._block(places // _IDS_PER_BLOCK)[places % _IDS_PER_BLOCK]
        if places.step != 1:
            return [self[place] for place in places]
        first, last = places.start // _IDS_PER_BLOCK, -(-places.stop // _IDS_PER_BLOCK)
        ids = [one for number in range(first, last) for one in self._block(number)]
        return ids[places.start - first * _IDS_PER_BLOCK :][: len(places)]

    def _block(self, number: int) -> Sequence[str]:
        return self._last if number == len(self._blocks) else _decoded(self._blocks[number])

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            yield from _decoded(block)
        yield from self._last

    def __len__(self) -> int:
        return len(self._blocks) * _IDS_PER_BLOCK + len(self._last)


class DistinctIds(Sequence[str]):
    """Ids, each once, in the order of their first appearance: to be read in order, and to be looked up.

    An id takes some 12 bytes besides its text.
    """

    def __init__(self, ids: Iterable[str] = (), *, expected: int = 0) -> None:
        """Take ids.

        :param expected: how many will be added, if that is known: it saves time.
        """
        slots = _SLOTS_AT_FIRST
        while 2 * slots // 3 < min(expected, _MOST_EXPECTED):
            slots *= 2
        self._texts = bytearray()
        #: Where each text begins, and so where the one before ends.
        self._starts = array(_SHORT, [0])
        self._places = array("I", [0]) * slots
        self.extend(ids)

    def extend(self, ids: Iterable[str]) -> None:
        """Add ids at the end, those that are new."""
        texts, starts, places = self._texts, self._starts, self._places
        last, room = len(places) - 1, 2 * len(places) // 3
        for customer_id in ids:
            text = customer_id.encode("utf-8", "surrogatepass")
            slot = hash(text) & last
            while place := places[slot]:  # as in _slot_of: to call it takes as long again
                if texts[starts[place - 1] : starts[place]] == text:
                    break
                slot = (slot + 1) & last
            else:
                texts += text
                places[slot] = place = len(starts)
                try:
                    starts.append(len(texts))
                except OverflowError:
                    self._starts = starts = array(_LONG, starts)
                    starts.append(len(texts))
                if place > room:
                    places = self._spread()
                    last, room = len(places) - 1, 2 * len(places) // 3

    def _slot_of(self, text: bytes) -> int:
        """Return the slot that has a text's place, from one on, or the empty one it would go to."""
        places, texts, starts = self._places, self._texts, self._starts
        last = len(places) - 1
        slot = hash(text) & last
        while (place := places[slot]) and texts[starts[place - 1] : starts[place]] != text:
            slot = (slot + 1) & last
        return slot

    def _spread(self) -> array[int]:
        """Have twice as many slots, filled anew, and return them."""
        self._places = places = array("I", [0]) * (2 * len(self._places))
        last = len(places) - 1
        with memoryview(self._texts) as texts:
            for place, (start, end) in enumerate(pairwise(self._starts), start=1):
                slot = hash(bytes(texts[start:end])) & last
                while places[slot]:
                    slot = (slot + 1) & last
                places[slot] = place
        return places

    def _text(self, place: int) -> bytearray:
        return self._texts[self._starts[place] : self._starts[place + 1]]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        places = range(len(self))[index]
        if isinstance(places, int):
            return self._text(places).decode("utf-8", "surrogatepass")
        return [self._text(place).decode("utf-8", "surrogatepass") for place in places]

    def __iter__(self) -> Iterator[str]:
        for start, end in pairwise(self._starts):
            yield self._texts[start:end].decode("utf-8", "surrogatepass")

    def differences(self, others: Iterable[str]) -> tuple[IdList, set[str]]:
        """Return those of these ids that are not among others, in order, and those of the others not among these."""
        is_among, strangers = bytearray(len(self)), set[str]()
        texts, starts, places = self._texts, self._starts, self._places
        last = len(places) - 1
        for other in others:
            text = other.encode("utf-8", "surrogatepass")
            slot = hash(text) & last
            while place := places[slot]:  # as in _slot_of
                if texts[starts[place - 1] : starts[place]] == text:
                    is_among[place - 1] = True
                    break
                slot = (slot + 1) & last
            else:
                strangers.add(other)
        return IdList(one for one, is_there in zip(self, is_among, strict=True) if not is_there), strangers

    def __contains__(self, customer_id: object) -> bool:
        if not isinstance(customer_id, str):
            return False
        return bool(self._places[self._slot_of(customer_id.encode("utf-8", "surrogatepass"))])

    def __len__(self) -> int:
        return len(self._starts) - 1


class IdFilter:
    """Tells ids that were not added before, in 12 to 24 bytes an id: it keeps hashes of 64 bits."""

    def __init__(self) -> None:
        self._hashes = array("Q", [0]) * _SLOTS_AT_FIRST
        self._size = 0

    def add(self, customer_id: str) -> bool:
        """Add an id; return whether it is new for sure. Hardly ever it is not told of one that is."""
        if not self._put(hash(customer_id) & _ALL_BITS or 1):
            return False
        self._size += 1
        if 3 * self._size > 2 * len(self._hashes):
            hashes, self._hashes = self._hashes, array("Q", [0]) * (2 * len(self._hashes))
            for one in filter(None, hashes):
                self._put(one)
        return True

    def _put(self, number: int) -> bool:
        hashes, last = self._hashes, len(self._hashes) - 1
        slot = number & last
        while (held := hashes[slot]) and held != number:
            slot = (slot + 1) & last
        hashes[slot] = number
        return not held


class Remaining(Collection[str]):
    """The ids of a collection but some, told from what is there when it is asked.

    :param ids: distinct ids that can be looked up fast.
    """

    def __init__(self, ids: Collection[str], *gone: Container[str]) -> None:
        self._ids = ids
        self._gone = gone

    def __contains__(self, customer_id: object) -> bool:
        return customer_id in self._ids and not any(customer_id in gone for gone in self._gone)

    def __iter__(self) -> Iterator[str]:
        return (one for one in self._ids if not any(one in gone for gone in self._gone))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _encoded(customer_id: str) -> bytes:
    return customer_id.encode("utf-8", "surrogatepass") + _END


def _decoded(block: bytes) -> list[str]:
    return [one.decode("utf-8", "surrogatepass") for one in block.split(_END)[:-1]]
