"""Where well-known systems write copies into their records; the panel may change it."""

from django.db import migrations

SHIPPED = [
    dict(format='marc21', position=1, name='Koha', tag='952', barcode='p', inventory_number='i', branch='a/b', item_type='y', shelf_mark='o', price='g', acquired_on='d', note='z', statuses='0=* withdrawn\n1=* lost\n4=* damaged\n7=* reference'),
    dict(format='marc21', position=2, name='Sirsi', tag='949', must_have='m/l', barcode='i', branch='m', item_type='t', shelf_mark='a', price='p', note='o'),
    dict(format='marc21', position=3, name='Sirsi', tag='999', must_have='m/l', barcode='i', branch='m', item_type='t', shelf_mark='a', price='p', note='o'),
    dict(format='marc21', position=4, name='Item information', tag='876', barcode='p', branch='l', price='c'),
    dict(format='marc21', position=5, name='Follett', tag='852', barcode='p', branch='b', shelf_mark='hi', price='9'),
    dict(format='unimarc', position=1, name='MUBIS', tag='995', must_have='l', barcode='f', inventory_number='k', branch='a', item_type='b', shelf_mark='l', price='p', acquired_on='5', note='u'),
    dict(format='unimarc', position=2, name='Recommandation 995', tag='995', barcode='f', inventory_number='j', branch='b/a', item_type='r', shelf_mark='k', price='p', acquired_on='5', note='u'),
    dict(format='unimarc', position=3, name='IRBIS', tag='910', barcode='h', inventory_number='b', branch='d', price='e', acquired_on='c', statuses='a=4 lost\na=6 withdrawn'),
    dict(format='unimarc', position=4, name='RUSMARC', tag='899', barcode='p', inventory_number='p', branch='ab', shelf_mark='j'),
    dict(format='rusmarc', position=1, name='MUBIS', tag='995', must_have='l', barcode='f', inventory_number='k', branch='a', item_type='b', shelf_mark='l', price='p', acquired_on='5', note='u'),
    dict(format='rusmarc', position=2, name='Recommandation 995', tag='995', barcode='f', inventory_number='j', branch='b/a', item_type='r', shelf_mark='k', price='p', acquired_on='5', note='u'),
    dict(format='rusmarc', position=3, name='IRBIS', tag='910', barcode='h', inventory_number='b', branch='d', price='e', acquired_on='c', statuses='a=4 lost\na=6 withdrawn'),
    dict(format='rusmarc', position=4, name='RUSMARC', tag='899', barcode='p', inventory_number='p', branch='ab', shelf_mark='j'),
]


def put_in(apps, schema_editor):
    """What the library comes with."""
    mappings = apps.get_model("catalog", "CopyFieldMapping").objects
    mappings.bulk_create(mappings.model(**row) for row in SHIPPED)
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_search_triggers")]

    operations = [migrations.RunPython(put_in, migrations.RunPython.noop)]
