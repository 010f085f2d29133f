#include <string.h>

#include "policy/eval/verdict.h"

static const char *const names[] = {
	[VERDICT_ACCEPT] = "accept",
	[VERDICT_TEMPFAIL] = "tempfail",
	[VERDICT_REJECT] = "reject",
	[VERDICT_HOLD] = "hold",
};

static const char *const waivers[] = {
	[WAIVER_NONE] = "",
	[WAIVER_WARN] = "warn",
	[WAIVER_MONITOR] = "monitor",
	[WAIVER_EXEMPT] = "exempt",
	[WAIVER_ON_ERROR] = "on-error",
};

const char *
verdict_name(enum verdict_kind kind)
{
	return names[kind];
}

const char *
waiver_name(enum waiver waiver)
{
	return waivers[waiver];
}

bool
verdict_refuses(enum verdict_kind kind)
{
	return kind == VERDICT_TEMPFAIL || kind == VERDICT_REJECT;
}

unsigned
verdict_severity(enum verdict_kind kind, enum waiver waiver)
{
	static const unsigned severities[] = {
		[VERDICT_ACCEPT] = 0,
		[VERDICT_HOLD] = 2,
		[VERDICT_TEMPFAIL] = 3,
		[VERDICT_REJECT] = 4,
	};

	return waiver != WAIVER_NONE ? 1 : severities[kind];
}

void
verdict_init(struct verdict *v)
{
	v->kind = VERDICT_ACCEPT;
	v->waiver = WAIVER_NONE;
	v->generation = 0;
	v->policy[0] = '\0';
	v->nresults = 0;
	v->unfed = false;
	v->deciding = -1;
	v->reply.kind = VERDICT_ACCEPT;
	v->reply.reason = REASON_NONE;
	v->reply.code = v->reply.dsn = "";
	v->reply.nlines = 0;
	text_init(&v->memory, v->memory_text, sizeof v->memory_text);
}

struct slice
verdict_keep(struct verdict *v, struct slice s)
{
	size_t at = v->memory.n;

	text_put(&v->memory, s);
	return slice_make(v->memory.buf + at, v->memory.n - at);
}

void
verdict_print_would(const struct verdict *v, struct text *out)
{
	const struct reply *reply = &v->reply;

	text_puts(out, names[reply->kind]);
	if (reply->code[0] != '\0')
		text_printf(out, " %s %s", reply->code, reply->dsn);
	for (unsigned i = 0; i < reply->nlines; i++) {
		text_puts(out, i == 0 ? " " : " / ");
		text_put(out, reply->lines[i]);
	}
}

void
verdict_print(const struct verdict *v, struct text *out)
{
	if (v->kind == VERDICT_ACCEPT)
		text_puts(out, names[VERDICT_ACCEPT]);
	else
		verdict_print_would(v, out);
}
