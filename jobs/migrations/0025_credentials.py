"""Credentials: keys, passwords and tokens with a name, which jobs use and nobody sees."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [("jobs", "0024_rights")]

    operations = [
        migrations.CreateModel(
            name="Credential",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("ssh_key", "ssh key"), ("password", "password"), ("token", "token"),
                        ],
                        max_length=20,
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=300)),
                (
                    "store",
                    models.CharField(
                        blank=True,
                        help_text="Instead of a value: a store that is set up.",
                        max_length=100,
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        blank=True,
                        help_text="Where it is in that store: path#field.",
                        max_length=500,
                    ),
                ),
                ("key_id", models.CharField(blank=True, editable=False, max_length=8)),
                ("ciphertext", models.BinaryField(default=b"")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now_add=True)),
                ("last_used_at", models.DateTimeField(editable=False, null=True)),
                (
                    "last_used_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="jobs.job",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        help_text="Its jobs may use it. Empty: the installation's.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credentials",
                        to="jobs.team",
                        verbose_name="owner",
                    ),
                ),
                (
                    "users",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Jobs of these teams may use it, too.",
                        related_name="usable_credentials",
                        to="jobs.team",
                        verbose_name="other teams",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "permissions": [("manage_credential", "Can manage the credentials of their teams")],
                "default_permissions": (),
            },
        ),
    ]
