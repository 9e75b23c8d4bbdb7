"""A schedule says who made it and who changed it last: they may not approve what it submits."""

from __future__ import annotations

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0018_tickets_and_imports"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "schedule",
            name,
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                null=True,
                editable=False,
                on_delete=models.SET_NULL,
                related_name="+",
            ),
        )
        for name in ("author", "changed_by")
    ]
