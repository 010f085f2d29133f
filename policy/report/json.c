/*
 * One object.  Domains are printed one by one, so that a large report is never
 * in memory as JSON.
 */
#include <stdlib.h>

#include "policy/base/jsontext.h"
#include "policy/report/report-internal.h"

static json_t *
day_of(int64_t time_us)
{
	char text[16];
	struct text day;

	text_init(&day, text, sizeof text);
	report_put_day(&day, time_us);
	return json_string(day.buf);
}

static json_t *
reasons_of(const uint64_t counts[REASON_COUNT])
{
	json_t *object = json_object();

	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
		if (counts[i] > 0)
			json_object_set_new(object,
			    reason_name((enum reason)i),
			    json_integer((json_int_t)counts[i]));
	return object;
}

/* Each counter by its name, those of a group in an object of the group's. */
static json_t *
count_of(const struct report_count *c)
{
	json_t *object = json_object(), *group = NULL;

	for (int i = 0; i < REPORT_COUNTERS; i++) {
		const struct report_row *row = report_row((enum report_counter)
		    i);
		const char *member = report_member((enum report_counter)i);
		json_t *to = object;

		if (row->group != GROUP_NONE) {
			group = json_object_get(object, row->name);
			if (group == NULL)
				json_object_set_new(object, row->name,
				    group = json_object());
			to = group;
		}
		if (member == NULL || (c->n[i] == 0 &&
		    (row->group == GROUP_REFUSED || row->group == GROUP_WOULD)))
			continue;
		json_object_set_new(to, member, json_integer((json_int_t)
		    c->n[i]));
	}
	return object;
}

static json_t *
days_of(const struct report_cell *cell)
{
	json_t *array = json_array();

	for (; cell != NULL; cell = cell->next) {
		json_t *count = count_of(&cell->count);

		json_object_set_new(count, "day",
		    day_of(cell->day * REPORT_DAY_US));
		json_array_append_new(array, count);
	}
	return array;
}

static json_t *
certificates_of(const struct report_domain *d)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < d->ncertificates; i++) {
		const struct report_certificate *c = &d->certificates[i];

		json_array_append_new(array, json_pack(
		    "{s:o, s:o, s:o, s:o, s:o, s:I}",
		    "cn", jsontext_cstring(c->cn),
		    "issuer", jsontext_cstring(c->issuer),
		    "fingerprint", jsontext_cstring(c->fingerprint),
		    "first", day_of(c->first), "last", day_of(c->last),
		    "mails", (json_int_t)c->mails));
	}
	return array;
}

static json_t *
clients_of(const struct report_domain *d)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < d->nclients; i++) {
		const struct report_client *c = &d->clients[i];

		json_array_append_new(array, json_pack(
		    "{s:o, s:I, s:I, s:I, s:I, s:I}",
		    "client", jsontext_cstring(c->name),
		    "tls", (json_int_t)c->tls, "clear", (json_int_t)c->clear,
		    "verified", (json_int_t)c->verified,
		    "clear_after_tls", (json_int_t)c->fallback,
		    "unverified_since", (json_int_t)c->unverified));
	}
	return array;
}

static json_t *
domain_of(const struct report_domain *d)
{
	json_t *object = count_of(&d->sum);

	json_object_set_new(object, "domain", jsontext_cstring(d->name));
	json_object_set_new(object, "days", days_of(d->cells));
	json_object_set_new(object, "clients", clients_of(d));
	json_object_set_new(object, "certificates", certificates_of(d));
	return object;
}

static json_t *
rule_of(const struct report_rule *rule)
{
	json_t *object = json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I,"
	    "s:o, s:o}",
	    "key", jsontext_cstring(rule->key),
	    "requirement", jsontext_cstring(rule->requirement),
	    "file", jsontext_cstring(rule->file),
	    "line", (json_int_t)rule->line,
	    "judged", (json_int_t)rule->judged,
	    "satisfied", (json_int_t)rule->held_true,
	    "refused", (json_int_t)rule->refused,
	    "would", (json_int_t)rule->would,
	    "refused_for", reasons_of(rule->refused_for),
	    "would_for", reasons_of(rule->would_for));

	if (rule->until != DAY_ALWAYS_UNTIL)
		json_object_set_new(object, "until",
		    day_of(rule->until * REPORT_DAY_US));
	return object;
}

static json_t *
suites_of(const struct report *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->nsuites; i++)
		json_array_append_new(array, json_pack("{s:o, s:I}",
		    "suite", jsontext_cstring(r->suites[i].name),
		    "mails", (json_int_t)r->suites[i].mails));
	return array;
}

static json_t *
alarms_of(const struct report *r)
{
	struct report_alarm *list;
	size_t n = report_alarms(r, &list);
	json_t *array = list == NULL ? NULL : json_array();

	for (size_t i = 0; i < n; i++) {
		const struct report_alarm *a = &list[i];
		char line_text[8192];
		struct text line;

		text_init(&line, line_text, sizeof line_text);
		report_alarm_print(a, report_today(r), &line);
		json_array_append_new(array, json_pack("{s:s, s:b, s:o, s:o,"
		    "s:o, s:o, s:b}", "alarm", report_alarm_name(a->kind),
		    "resolved", (int)a->resolved,
		    "domain", jsontext_cstring(a->domain == NULL ? NULL :
		    a->domain->name),
		    "client", jsontext_cstring(a->client == NULL ? NULL :
		    a->client->name), "day", day_of(a->time),
		    "text", jsontext_string(slice_make(line.buf, line.n)),
		    "public_authority", a->kind == ALARM_UNVERIFIED &&
		    a->client->issuer != NULL &&
		    report_is_public_authority(a->client->issuer)));
	}
	free(list);
	return array;
}

static bool
print(FILE *out, const char *before, json_t *value)
{
	bool good;

	fputs(before, out);
	good = value != NULL && json_dumpf(value, out,
	    JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) == 0;
	json_decref(value);
	return good;
}

static bool
print_report(const struct report *r, FILE *out)
{
	bool good = print(out, "{\"from\":", r->records == 0 ? json_null() :
	    day_of(r->first)) &&
	    print(out, ",\"to\":", r->records == 0 ? json_null() :
	    day_of(r->last)) &&
	    print(out, ",\"of\":", r->domain.n == 0 ? json_null() :
	    jsontext_string(r->domain)) &&
	    print(out, ",\"records\":", json_integer((json_int_t)r->records)) &&
	    print(out, ",\"maillog\":", json_integer((json_int_t)r->maillog)) &&
	    (!r->leaving || print(out, ",\"answers\":",
	    json_integer((json_int_t)r->told->n))) &&
	    print(out, ",\"total\":", count_of(&r->total)) &&
	    print(out, ",\"suites\":", suites_of(r)) &&
	    print(out, ",\n\"alarms\":", alarms_of(r)) &&
	    print(out, ",\n\"days\":", days_of(r->days));

	fputs(",\n\"rules\":[", out);
	for (size_t i = 0; good && i < r->nrules; i++)
		good = print(out, i == 0 ? "" : ",\n", rule_of(r->rules[i]));
	fputs("],\n\"other_domains\":", out);
	good = good && print(out, "", json_integer((json_int_t)r->folded));
	fputs(",\n\"domains\":[", out);
	for (size_t i = 0; good && i < r->ndomains; i++)
		good = print(out, i == 0 ? "" : ",\n",
		    domain_of(r->domains[i]));
	fputs("]", out);
	return good;
}

bool
report_json(const struct report *r, const struct report *other, FILE *out)
{
	bool good;

	if (r->nodes) {
		fputs("{\"basis\":", out);
		good = basis_json(r->basis, out);
		fputs("}\n", out);
		return good;
	}
	good = print_report(r, out);
	if (good && other != NULL) {
		fputs(",\n\"left\":", out);
		good = print_report(other, out);
		putc('}', out);
	}
	if (good && r->basis != NULL) {
		fputs(",\n\"basis\":", out);
		good = basis_json(r->basis, out);
	}
	fputs("}\n", out);
	return good;
}
