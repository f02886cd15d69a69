"""The placed copies of each site in the order in which they go."""

from __future__ import annotations

import heapq
import math

from placement.replay.world import World


class Shelves:
    """A value for each placed copy of ``world``; the least valued goes first, of equals that of the least place."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._values: list[dict[int, float]] = [{} for _ in range(world.sites)]
        self._heaps: list[list[tuple[float, int]]] = [[] for _ in range(world.sites)]

    def put(self, d: int, s: int, value: float) -> None:
        """``value`` is that of the copy of ``d`` at ``s`` from now on."""
        if self._values[s].get(d) != value:
            self._values[s][d] = value
            heapq.heappush(self._heaps[s], (value, d))

    def least(self, s: int) -> float:
        """The least value of a copy at ``s``, infinite where there is none."""
        found = self._least(s)
        return found[0] if found else math.inf

    def below(self, s: int, value: float) -> list[int]:
        """The copies at ``s`` that are worth less than ``value``."""
        held = self._world.held[s]
        return [d for d, worth in self._values[s].items() if worth < value and d in held]

    def room(self, d: int, s: int, below: float = math.inf) -> bool:
        """Make room for ``d`` at ``s`` with copies whose value is less than ``below``; without enough, none goes."""
        world, going = self._world, list[tuple[float, int]]()
        lacking = world.bytes[d] - world.free(s)
        if world.bytes[d] > world.capacity[s]:
            return False
        while lacking > 0:
            found = self._least(s)
            if found is None or not found[0] < below:
                break
            heapq.heappop(self._heaps[s])
            going.append(found)
            lacking -= world.held[s][found[1]].bytes
        if lacking > 0:
            for one in going:
                heapq.heappush(self._heaps[s], one)
            return False
        for _, other in going:
            world.evict(other, s)
            del self._values[s][other]
        return True

    def _least(self, s: int) -> tuple[float, int] | None:
        heap, values, held = self._heaps[s], self._values[s], self._world.held[s]
        while heap:
            value, d = heap[0]
            if values.get(d) == value and d in held:
                return heap[0]
            heapq.heappop(heap)  # valued anew since, or gone
        return None
