"""Until when somebody's tries are spent: what `accounts.limits` counts."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_audit'),
    ]

    operations = [
        migrations.CreateModel(
            name='RateLimit',
            fields=[
                ('key', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('spent_until', models.DateTimeField(editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['spent_until'], name='accounts_limit_spent_until')],
            },
        ),
    ]
