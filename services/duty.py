"""Who is there for which client, looked up once for many clients."""

from collections.abc import Collection
from dataclasses import dataclass

from db import people
from db import risk as rows
from domain.people import Role, StaffMember
from services import access
from services.work import Work


@dataclass(frozen=True, slots=True)
class Roster:
    """Active employees by id, and the keepers of the clients that were asked for."""

    work: Work
    staff: dict[int, StaffMember]
    keepers: dict[int, dict[str, int]]

    @classmethod
    async def load(cls, work: Work, client_ids: Collection[int]) -> "Roster":
        found = await people.staff_with_chat(work.session)
        staff = {
            row.id: access.staff_value(row, chat_id, reachable=blocked is None)
            for row, chat_id, blocked in found
            if row.active
        }
        return cls(work, staff, await rows.assigned(work.session, client_ids))

    def keeper(self, client_id: int, kind: str) -> StaffMember | None:
        """The account manager (``manager``) or service officer (``officer``), while active."""
        return self.staff.get(self.keepers.get(client_id, {}).get(kind, 0))

    def present(self, client_id: int, kind: str) -> StaffMember | None:
        """The keeper if at work and in reach, else the stand-in if that one is."""
        keeper = self.keeper(client_id, kind)
        if keeper is None:
            return None
        stand_in = self.staff.get(keeper.stand_in_id or 0)
        return next((m for m in (keeper, stand_in) if m and m.present(self.work.today)), None)

    def in_role(self, *roles: Role) -> list[StaffMember]:
        """Employees of these roles with a chat that can be reached."""
        return [m for m in self.staff.values() if m.role in roles and m.chat_id is not None and m.reachable]

    def pool(self) -> list[StaffMember]:
        """Service officers at work; all officers in reach where none is, then supervisors."""
        officers = self.in_role(Role.OFFICER)
        present = [m for m in officers if m.present(self.work.today)]
        return present or officers or self.in_role(Role.SUPERVISOR)

    def phones(self, client_id: int) -> StaffMember | None:
        """Who phones a client: the manager, the stand-in, the service officer; None is the pool."""
        return self.present(client_id, "manager") or self.present(client_id, "officer")

    def alerted(self, client_id: int, kinds: Collection[str]) -> list[StaffMember]:
        """Who hears of a client's risk: ``manager``, ``officer`` and ``risk`` as the tier names them.

        Where nobody who looks after the client is in reach, the pool hears of it.
        """
        told: dict[int, StaffMember] = {}
        for kind in ("manager", "officer"):
            member = self.present(client_id, kind) or self.keeper(client_id, kind) if kind in kinds else None
            if member is not None and member.chat_id is not None and member.reachable:
                told[member.id] = member
        if not told:
            told = {member.id: member for member in self.pool()}
        if "risk" in kinds:
            told |= {member.id: member for member in self.in_role(Role.RISK)}
        return list(told.values())
