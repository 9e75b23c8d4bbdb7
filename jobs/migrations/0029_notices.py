"""Notices: who hears of what, what is to be told, and in which messages it was."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

import core.ids


def belongs(to: str, related: str, *, null: bool = False) -> Any:
    return models.ForeignKey(to, null=null, on_delete=models.CASCADE, related_name=related)


def uuid_key() -> Any:
    return models.UUIDField(
        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
    )


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0028_worker_versions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", uuid_key()),
                ("user", belongs(settings.AUTH_USER_MODEL, "+", null=True)),
                ("team", belongs("jobs.team", "+", null=True)),
                ("name", models.CharField(max_length=100)),
                ("events", models.JSONField(default=list)),
                ("kind", models.CharField(blank=True, default="", max_length=100)),
                ("target", models.CharField(blank=True, default="", max_length=200)),
                ("own", models.BooleanField(default=False)),
                ("channel", models.CharField(max_length=40)),
                ("key_id", models.CharField(blank=True, default="", max_length=8)),
                ("ciphertext", models.BinaryField(default=b"")),
                ("timezone", models.CharField(default="UTC", max_length=64)),
                ("quiet_from", models.TimeField(null=True)),
                ("quiet_until", models.TimeField(null=True)),
                ("digest_minutes", models.PositiveIntegerField(default=1)),
                ("enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("due_at", models.DateTimeField(db_index=True, null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(default="")),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=Q(user__isnull=False, team__isnull=True)
                | Q(user__isnull=True, team__isnull=False),
                name="subscription_of_one",
            ),
        ),
        migrations.CreateModel(
            name="Digest",
            fields=[
                ("id", uuid_key()),
                ("subscription", belongs("jobs.subscription", "digests")),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subscription", belongs("jobs.subscription", "notices")),
                ("job", belongs("jobs.job", "+", null=True)),
                ("seq", models.BigIntegerField(default=0)),
                ("event", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("targets", models.JSONField(default=list)),
                ("digest", belongs("jobs.digest", "notices", null=True)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                fields=["subscription", "id"], condition=Q(digest__isnull=True), name="notice_waits"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                fields=["subscription", "job", "seq", "event"], name="notice_once"
            ),
        ),
    ]
