"""The template of the report page."""

from __future__ import annotations

PAGE = """\
{% macro show(table) %}
<div class="wide"><table>
{% if table.columns | select | list %}
<thead><tr>
{% for column in table.columns %}
<th{% if loop.index > table.num_names %} class="number"{% endif %}>{{ column }}</th>
{% endfor %}
</tr></thead>
{% endif %}
<tbody>
{% for row in table.rows %}
<tr{% if row[0] == 'model' %} class="sum"{% endif %}>
{% for cell in row %}
<td{% if loop.index > table.num_names %} class="number"{% endif %}>{{ cell }}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody></table></div>
{% endmacro %}
{% macro draw(plot) %}
<figure><img src="{{ plot.uri }}" width="{{ plot.width }}" alt="{{ plot.caption }}">
<figcaption>{{ plot.caption }}</figcaption></figure>
{% endmacro %}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Spiking report: {{ title }}</title>
<style>
body { margin: 0; background: #f5f6f8; color: #1d2530;
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 25px; margin: 0 0 18px; }
h1 small { display: block; font-size: 14px; font-weight: normal; color: #5c6877; }
h2 { font-size: 19px; margin: 36px 0 12px; }
h3 { font-size: 16px; margin: 22px 0 8px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; }
.card { background: #fff; border: 1px solid #dde1e7; border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 19px; line-height: 1.3; font-weight: 650; }
.card span { color: #5c6877; font-size: 13px; }
figure { margin: 0 0 16px; padding: 14px; background: #fff; border: 1px solid #dde1e7;
  border-radius: 8px; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { margin-top: 8px; color: #5c6877; font-size: 13px; }
.wide { overflow-x: auto; background: #fff; border: 1px solid #dde1e7; border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { padding: 5px 12px; text-align: left; overflow-wrap: anywhere; }
th { background: #eceff3; vertical-align: bottom; overflow-wrap: normal; }
tr + tr td { border-top: 1px solid #eceff3; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th.number { white-space: normal; }
.sum td { font-weight: 650; border-top: 2px solid #c5ccd6; }
details { margin: 12px 0; }
summary { cursor: pointer; font-weight: 600; margin-bottom: 6px; }
p.note { color: #5c6877; font-size: 13px; max-width: 90ch; }
</style>
</head>
<body><main>
<h1>{{ title }}<small>What fires and what it costs, measured over the test pictures</small></h1>
{% if models | length == 1 %}
<div class="cards">
{% for title, value in models[0].summary.items() %}
<div class="card"><span>{{ title }}</span><b>{{ value }}</b></div>
{% endfor %}
</div>
{% else %}
{{ show(headline) }}
{% endif %}
<p class="note">Energy is an estimate from operations: {{ costs.mac_pj }} pJ for a
multiply-accumulate (a layer that gets real values: the picture, or membrane potentials in a
read-out) and {{ costs.ac_pj }} pJ for an addition (one for each spike and each weight it meets).
Moving data is not counted. The ordinary network has the same layers with a multiply-accumulate for
every weight.</p>
<h2>Energy</h2>
{% for plot in common %}
{{ draw(plot) }}
{% endfor %}
<h3>{{ totals.title }}</h3>
{{ show(totals) }}
{% for model in models %}
<h2>Firing{% if models | length > 1 %}: {{ model.name }}{% endif %}</h2>
{% if model.note %}
<p class="note">{{ model.note }}</p>
{% endif %}
{% for plot in model.plots %}
{{ draw(plot) }}
{% endfor %}
{% if model.remarks.rows %}
<h3>{{ model.remarks.title }}</h3>
{{ show(model.remarks) }}
{% endif %}
{% for table in model.details %}
<details><summary>{{ table.title }} ({{ table.rows | length }})</summary>{{ show(table) }}</details>
{% endfor %}
<h3>{{ model.settings.title }}</h3>
{{ show(model.settings) }}
{% endfor %}
</main></body>
</html>
"""
