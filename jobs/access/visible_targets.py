"""Which targets of the inventory somebody sees, whatever the kind of job."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from jobs.access.rights import SEE
from jobs.access.run_rights import known_kinds
from jobs.access.visibility import Principal
from jobs.models import ALL, Target
from jobs.targets.selectors import matching_query


def visible_targets(principal: Principal) -> QuerySet[Target]:
    """Return the targets that somebody may see, by name.

    Those who see every job see every target, others those on which their teams have a right for
    some kind of job; who sees no jobs sees none.
    """
    found = Target.objects.order_by("name")
    if not principal.has("view_job"):
        return found.none()
    if principal.rights.unlimited or principal.visibility.everything:
        return found
    kinds = [kind.name for kind in known_kinds(principal)]
    chosen = frozenset().union(*(principal.rights.selectors(SEE, kind) for kind in kinds))
    return found.filter(Q() if ALL in chosen else matching_query(chosen))
