"""What Django keeps about jobs beside their events."""

from jobs.models.credential import MAX_CREDENTIAL, Credential
from jobs.models.feed import Consumer, Duty
from jobs.models.job import (
    MAX_ACTOR,
    MAX_TARGET,
    MAX_TITLE,
    Claim,
    Job,
    Snapshot,
    StoredSecret,
    Target,
    stored_value,
)
from jobs.models.notice import MAX_SUBSCRIPTION, NOTICE_EVENTS, Digest, Notice, Subscription
from jobs.models.people import (
    ALL_SCOPES,
    ApiToken,
    ProviderSession,
    SignInAttempts,
    Team,
    UsedTicket,
    UserSession,
)
from jobs.models.right import ALL, Right
from jobs.models.schedule import Schedule
from jobs.models.sealed import Archive, ArchivedRange, Seal, SealedHead
from jobs.models.step_run import StepRun
from jobs.models.target_scope import target_scope

__all__ = [
    "ALL",
    "ALL_SCOPES",
    "MAX_ACTOR",
    "MAX_CREDENTIAL",
    "MAX_SUBSCRIPTION",
    "MAX_TARGET",
    "MAX_TITLE",
    "NOTICE_EVENTS",
    "ApiToken",
    "Archive",
    "ArchivedRange",
    "Claim",
    "Consumer",
    "Credential",
    "Digest",
    "Duty",
    "Job",
    "Notice",
    "ProviderSession",
    "Right",
    "Schedule",
    "Seal",
    "SealedHead",
    "SignInAttempts",
    "Snapshot",
    "StepRun",
    "StoredSecret",
    "Subscription",
    "Target",
    "Team",
    "UsedTicket",
    "UserSession",
    "stored_value",
    "target_scope",
]
