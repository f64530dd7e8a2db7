"""The action lists in use: each once, with its number, the program of its shape, and its parameters in a map."""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from vswitch.base.dataclass import dataclass
from vswitch.datapath.ebpf.actions import Plan, Shape, plan_actions
from vswitch.datapath.ebpf.maps import DROP, FIRST_SHAPE, MAX_SHAPES, OUTPUT, PARAMETERS_SIZE, Maps
from vswitch.datapath.ebpf.notes import Kind, Notes, describe_actions, read_actions
from vswitch.datapath.ebpf.prepared import Store
from vswitch.dpif.action import DatapathAction, Output
from vswitch.dpif.datapath import DatapathError
from vswitch.dpif.ports import OdpPort
from vswitch.flow.field import Flow, Mask
from vswitch.linux.bpf import Program

_U32 = struct.Struct("=I")


@dataclass(slots=True, eq=False)
class ActionList:
    """An action list as megaflows refer to it."""

    actions: tuple[DatapathAction, ...]
    plan: Plan
    id: int  # 0: the entry of the megaflow says all
    shape: int
    argument: int = 0  # the port of a single output, else the id
    users: int = 0


_NOTHING = Plan(())


class ActionLists:
    """All lists of a datapath."""

    def __init__(self, maps: Maps, notes: Notes, store: Store | None = None) -> None:
        self._maps = maps
        self._notes = notes
        self._store = store or Store()
        self._lists: dict[tuple[tuple[DatapathAction, ...], Plan], ActionList] = {}
        self._by_id: dict[int, ActionList] = {}
        self._shapes: dict[Shape, int] = {}
        self._users: dict[int, int] = {}  # lists of each shape, by the shape's number
        self._next_id = 1
        self._noted: dict[int, tuple[int, tuple[DatapathAction, ...]]] = {}  # while taking over

    def actions(self, id: int) -> tuple[DatapathAction, ...] | None:
        """The list with this number, for a packet that refers to it; None if it has gone meanwhile."""
        found = self._by_id.get(id)
        return found.actions if found else None

    def take(self, actions: Sequence[DatapathAction], flow: Flow, mask: Mask) -> ActionList:
        """The list for a megaflow's `actions`, to be given back by `release`."""
        if not actions:
            return ActionList((), _NOTHING, 0, DROP)
        if len(actions) == 1 and isinstance(only := actions[0], Output):
            return ActionList((only,), _NOTHING, 0, OUTPUT, only.port)
        plan = plan_actions(actions, flow, mask)
        found = self._lists.get((tuple(actions), plan))
        if found is None:
            found = self._add(tuple(actions), plan)
        found.users += 1
        return found

    def release(self, list: ActionList) -> None:
        """A megaflow does not use `list` any more."""
        list.users -= 1
        if list.id and not list.users:
            del self._lists[list.actions, list.plan]
            del self._by_id[list.id]
            self._users[list.shape] -= 1
            self._maps["lists"].delete(_U32.pack(list.id))
            self._notes.erase(Kind.LIST, list.id)

    def _add(self, actions: tuple[DatapathAction, ...], plan: Plan) -> ActionList:
        shape = self._shape(plan.shape)
        made = ActionList(actions, plan, self._next_id, shape, self._next_id)
        self._maps["lists"].update(_U32.pack(made.id), plan.parameters.ljust(PARAMETERS_SIZE, b"\0"))
        self._notes.write(Kind.LIST, made.id, {"shape": shape, "actions": describe_actions(actions)})
        self._next_id += 1
        self._remember(made)
        return made

    def _remember(self, list: ActionList) -> None:
        self._lists[list.actions, list.plan] = list
        self._by_id[list.id] = list
        self._users[list.shape] = self._users.get(list.shape, 0) + 1

    def _shape(self, shape: Shape) -> int:
        """The number of the program for `shape`, which is made if there is none."""
        number = self._shapes.get(shape)
        if number is None:
            number = self._free_shape()
            program = Program.load(self._store.shape_program(shape), self._maps.by_name)
            self._maps["programs"].update(_U32.pack(number), _U32.pack(program.fd))
            program.close()
            self._shapes[shape] = number
        return number

    def _free_shape(self) -> int:
        """A number for one more shape.  Programs that no list uses any more stay until their place is needed."""
        taken = set(self._shapes.values())
        for number in range(FIRST_SHAPE, MAX_SHAPES):
            if number not in taken:
                return number
        for shape, number in self._shapes.items():
            if not self._users.get(number):
                del self._shapes[shape]
                return number
        raise DatapathError(errno.ENOSPC, "too many shapes of action lists")

    # Taking over

    def restore(self, notes: Mapping[int, Any]) -> None:
        """Learn which lists an earlier daemon made; `adopt` says which megaflows use them."""
        self._noted = {id: (int(note["shape"]), read_actions(note["actions"])) for id, note in notes.items()}
        self._next_id = max(notes, default=0) + 1

    def adopt(self, shape: int, argument: int, flow: Flow, mask: Mask) -> ActionList:
        """The list of a megaflow whose entry says `shape` and `argument`.  KeyError: it was not noted."""
        if shape in (DROP, OUTPUT):
            return self.take((Output(OdpPort(argument)),) if shape == OUTPUT else (), flow, mask)
        id = argument
        if id not in self._by_id:
            number, actions = self._noted[id]
            plan = plan_actions(actions, flow, mask)
            self._shapes.setdefault(plan.shape, number)
            self._remember(ActionList(actions, plan, id, number, id))
        found = self._by_id[id]
        found.users += 1
        return found

    def finish_restoring(self) -> None:
        """Forget the lists that no megaflow uses."""
        for id in self._noted.keys() - self._by_id.keys():
            self._maps["lists"].delete(_U32.pack(id))
            self._notes.erase(Kind.LIST, id)
        self._noted = {}
