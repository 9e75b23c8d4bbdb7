"""Sessions by single sign-on: what the provider is asked again with, encrypted."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0020_months_of_the_system"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        migrations.CreateModel(
            "ProviderSession",
            [
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reprise_sessions",
                        to="socialaccount.socialaccount",
                    ),
                ),
                ("session", models.CharField(max_length=40, unique=True)),
                ("provider_session", models.CharField(db_index=True, max_length=255)),
                ("key_id", models.CharField(max_length=8)),
                ("tokens", models.BinaryField()),
                ("confirmed_at", models.DateTimeField()),
                ("check_at", models.DateTimeField(db_index=True)),
            ],
            options={"default_permissions": ()},
        )
    ]
