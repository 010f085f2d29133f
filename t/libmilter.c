/* See libmilter.h. */
#include <stdio.h>
#include <string.h>

#include "milter/log.h"
#include "milter/session/callbacks.h"
#include "milter/session/session.h"
#include "policy/store/rebuild.h"
#include "t/libmilter.h"
#include "t/unit.h"

struct smfiDesc milter;
struct daemon state_of_daemon;
int ncalls, failing;

static int
result(void)
{
	return ++ncalls == failing ? MI_FAILURE : MI_SUCCESS;
}

int
smfi_register(struct smfiDesc d)
{
	milter = d;
	return result();
}

int
smfi_setsymlist(SMFICTX *ctx, int stage, char *macros)
{
	(void)ctx;
	(void)stage;
	(void)macros;
	return result();
}

int
smfi_setpriv(SMFICTX *ctx, void *session)
{
	if (session != NULL && result() != MI_SUCCESS)
		return MI_FAILURE;
	ctx->session = session;
	return MI_SUCCESS;
}

void *
smfi_getpriv(SMFICTX *ctx)
{
	return ctx->session;
}

char *
smfi_getsymval(SMFICTX *ctx, char *name)
{
	const struct {
		const char *name, *value;
	} macros[] = {
		{ "v", "8.17.1" }, { "j", ctx->node }, { "i", ctx->id },
		{ "{client_name}", ctx->client },
		{ "{client_addr}", "192.0.2.1" }, { "{client_resolve}", "OK" },
		{ "{daemon_port}", "25" }, { "{cipher}", ctx->cipher },
		{ "{tls_version}", ctx->cipher == NULL ? NULL : "TLSv1.3" },
	};
	/* Each command's macros have memory of their own. */
	static char told[64][64];
	static size_t commands;

	if (strcmp(name, "{mail_addr}") == 0 ||
	    strcmp(name, "{rcpt_addr}") == 0) {
		char *slot = told[commands++ % UNIT_COUNT(told)];

		snprintf(slot, sizeof told[0], "%s",
		    ctx->resolved == NULL ? "" : ctx->resolved);
		return slot;
	}
	for (size_t i = 0; i < UNIT_COUNT(macros); i++)
		if (strcmp(macros[i].name, name) == 0)
			return (char *)(uintptr_t)macros[i].value;
	return NULL;
}

int
smfi_setreply(SMFICTX *ctx, char *code, char *dsn, char *text)
{
	(void)dsn;
	(void)text;
	if (result() != MI_SUCCESS)
		return MI_FAILURE;
	snprintf(ctx->reply, sizeof ctx->reply, "%s", code);
	return MI_SUCCESS;
}

int
smfi_setmlreply(SMFICTX *ctx, const char *code, const char *dsn, ...)
{
	(void)dsn;
	if (result() != MI_SUCCESS)
		return MI_FAILURE;
	snprintf(ctx->reply, sizeof ctx->reply, "%s", code);
	return MI_SUCCESS;
}

int
smfi_quarantine(SMFICTX *ctx, char *reason)
{
	if (result() != MI_SUCCESS)
		return MI_FAILURE;
	snprintf(ctx->held, sizeof ctx->held, "%s", reason);
	return MI_SUCCESS;
}

int
smfi_chgheader(SMFICTX *ctx, char *field, int n, char *value)
{
	assert_string_equal(field, "TLSPolicy-Result");
	assert_int_equal(n, 1);
	assert_null(value);
	ctx->cleaned = result() == MI_SUCCESS;
	return ctx->cleaned ? MI_SUCCESS : MI_FAILURE;
}

int
smfi_insheader(SMFICTX *ctx, int at, char *field, char *value)
{
	(void)field;
	assert_int_equal(at, 0);
	snprintf(ctx->field, sizeof ctx->field, "%s", value);
	ctx->added = result() == MI_SUCCESS;
	return ctx->added ? MI_SUCCESS : MI_FAILURE;
}

void
start_daemon(const char *rules, struct settings *s)
{
	struct daemon *d = &state_of_daemon;
	struct fault f;

	log_init("t", false);
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(s->store, sizeof s->store, "%s", unit_build("p", rules, 1));
	snprintf(s->audit_file, sizeof s->audit_file, "%s",
	    unit_path("audit.log"));
	drain_init(&d->drain);
	metrics_init(&d->metrics);
	store_holder_init(&d->store, STORE_HOLDER_LIVE);
	pool_init(&d->messages);
	fault_clear(&f);
	assert_true(settings_holder_init(&d->settings, s));
	assert_true(store_holder_watch(&d->store, s->store));
	assert_non_null(d->audit = auditlog_open(s, &f));
	assert_true(callbacks_register(d, true, &f));
}

void
empty_pool(void)
{
	struct message *m;

	while ((m = pool_take(&state_of_daemon.messages)) != NULL) {
		facts_free(&m->facts);
		free(m);
	}
}

int
stop_daemon(void **none)
{
	struct daemon *d = &state_of_daemon;

	(void)none;
	store_holder_close(&d->store);
	auditlog_close(d->audit);
	settings_holder_free(&d->settings);
	empty_pool();
	return 0;
}
