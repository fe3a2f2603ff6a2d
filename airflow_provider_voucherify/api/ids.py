"""Many customer ids in little memory; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import overload

#: Ends an id: no text has this byte when it is encoded.
_END = b"\xff"
#: A set has a shelf for about so many ids: more take longer to look through, fewer take more memory.
_IDS_PER_SHELF = 8
_SHELVES_AT_FIRST = 256
_IDS_PER_BLOCK = 10_000


class IdSet(AbstractSet[str]):
    """A set of ids that takes a quarter of the memory of ``set``, where the ids are held by nobody else.

    :param ids: what it holds at first.
    """

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


class IdList(Sequence[str]):
    """A list of ids that takes a quarter of the memory of ``list``: to be read in order, or in slices.

    :param ids: what it holds.
    """

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


class DistinctIds(IdList):
    """Ids, each once, in the order of their first appearance: to be read in order, and to be looked up.

    :param ids: what it holds.
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._names = IdSet()
        super().__init__(ids)

    def append(self, customer_id: str) -> None:
        """Add an id at the end, if it is new."""
        if self._names.add(customer_id):
            super().append(customer_id)

    def __contains__(self, customer_id: object) -> bool:
        return customer_id in self._names


def _encoded(customer_id: str) -> bytes:
    return customer_id.encode("utf-8", "surrogatepass") + _END


def _decoded(block: bytes) -> list[str]:
    return [one.decode("utf-8", "surrogatepass") for one in block.split(_END)[:-1]]
