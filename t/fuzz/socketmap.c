/*
 * What a peer sends to the socketmap, behind a byte that picks settings: each
 * request gets an answer that the protocol knows.
 */
#include "t/fuzz/fuzz.h"

#include "milter/log.h"
#include "milter/socketmap/mapanswer.h"
#include "milter/socketmap/netstring.h"

static const char rules[] = "TLS_Srv: ENCR:1\nTLS_Srv:example.com VERIFY:112\n"
    "TLS_Srv:.example.com PERM+VERIFY+CN:*.example.com\n"
    "TLS_Srv:192.0.2 ENCR:128+CIPHER:HIGH\nTLS_Srv:x HOLD+VERIFY+CI:/CN=y\n"
    "TLS_Rcpt: WARN+ENCR:256\nTLS_Rcpt:a.b VERIFY+CN++VER:1.2++PFS\n"
    "TLS_Rcpt:user@a.b VERIFY+CITag:MyCA\nTLS_Rcpt:com TEMP+ENCR:1+AEAD\n"
    "TLS_Rcpt:u@ ENCR:1+FP:00112233445566778899aabbccddeeff\n"
    "Try_TLS:broken.test NO\nTry_TLS:192.0.2.9 NO\nMyCA:/CN=y OK\n";

static struct daemon state;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct settings settings;
	struct fault fault;

	(void)argc;
	(void)argv;
	fuzz_build(fuzz_path("store"), rules);
	log_set_level(LOG_LEVEL_ERROR);
	settings_init(&settings);
	strcpy(settings.audit_file, "/dev/null");
	metrics_init(&state.metrics);
	store_holder_init(&state.store, STORE_HOLDER_LIVE);
	FUZZ_CHECK(store_holder_watch(&state.store, fuzz_path("store")));
	FUZZ_CHECK(settings_holder_init(&state.settings, &settings));
	FUZZ_CHECK((state.audit = auditlog_open(&settings, &fault)) != NULL);
	return 0;
}

static void
choose_settings(unsigned how)
{
	struct settings settings;

	settings_init(&settings);
	settings.default_class = how & 1 ? DEFAULT_CLASS_PERM :
	    DEFAULT_CLASS_TEMP;
	settings.compat = how & 2 ? COMPAT_SENDMAIL : COMPAT_NONE;
	settings.inexpressible = how & 4 ? INEXPRESSIBLE_WEAKEN :
	    INEXPRESSIBLE_REFUSE;
	settings.mode = how & 8 ? MODE_MONITOR : MODE_ENFORCE;
	settings.outbound_default = how & 0x20 ? LEVEL_DANE : LEVEL_MAY;
	FUZZ_CHECK(settings_holder_replace(&state.settings, &settings));
}

static void
ask(struct slice request, const struct resolved *resolved)
{
	char buf[MAPANSWER_MAX];
	struct text answer;
	struct slice all;

	text_init(&answer, buf, sizeof buf);
	mapanswer(&state, request, resolved, &answer);
	all = slice_make(buf, answer.n);
	FUZZ_CHECK(!answer.cut);
	FUZZ_CHECK(slice_is(all, "NOTFOUND ") ||
	    slice_starts_nocase(all, "OK ") ||
	    slice_starts_nocase(all, "TEMP ") ||
	    slice_starts_nocase(all, "PERM "));
	for (size_t i = 0; i < all.n; i++)
		FUZZ_CHECK(all.p[i] >= ' ' && all.p[i] <= '~');
}

/* Each beginning of a request is partial or bad, never whole. */
static void
check_parts(struct slice whole)
{
	struct slice content;
	size_t used;

	for (size_t n = 0; n < whole.n; n++)
		FUZZ_CHECK(netstring_read(slice_make(whole.p, n), &content,
		    &used) == NETSTRING_PARTIAL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make((const char *)data, size), content;
	struct resolved resolved;
	bool has_resolver = false;
	size_t used;

	if (size == 0)
		return 0;
	choose_settings(data[0]);
	rest = slice_from(rest, 1);
	/* The resolver's answer for all requests that follow. */
	if (data[0] & 0x10 && netstring_read(rest, &content, &used) ==
	    NETSTRING_WHOLE) {
		resolved_parse(content, &resolved);
		has_resolver = true;
		rest = slice_from(rest, used);
	}
	while (netstring_read(rest, &content, &used) == NETSTRING_WHOLE) {
		FUZZ_CHECK(used <= rest.n && content.n <= NETSTRING_MAX);
		check_parts(slice_make(rest.p, used));
		ask(content, has_resolver ? &resolved : NULL);
		rest = slice_from(rest, used);
	}
	return 0;
}
