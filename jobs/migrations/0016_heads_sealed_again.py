"""Two seals may vouch for the same head.

While an older seal is without its row, the next one seals its heads again. When the row is given
back, both have them.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0015_workers")]

    operations = [
        migrations.AddConstraint(
            "sealedhead",
            models.UniqueConstraint(fields=["job", "seq", "seal"], name="sealed_once_by_each"),
        ),
        migrations.RemoveConstraint("sealedhead", "sealed_once"),
    ]
