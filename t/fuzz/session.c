/*
 * Macro values of both dialects, one "name=value" a line, judged by a policy
 * that asks about all of them: a reply is always one that an MTA takes.
 */
#include "t/fuzz/fuzz.h"

#include "policy/eval/eval.h"
#include "policy/facts/macro.h"

static const char rules[] = "TLS_Clt: PERM+VERIFY:112+CN++VER:1.2++PFS\n"
    "TLS_Clt:example.com VERIFY+CN:*.example.com++CITag:MyCA\n"
    "TLS_Clt:.example.com HOLD+ENCR:1+AEAD++MSG:100% sure\n"
    "TLS_Clt:192.0.2.0/24 ENCR:1+CIPHER:HIGH:!aNULL\n"
    "TLS_Clt:2001:db8::/32 PERM+ENCR:128\nTLS_Clt:[192.0.2] ENCR:1\n"
    "TLS_From: WARN+VERIFY+ICN:x\nTLS_From:<> ENCR:0\n"
    "TLS_From:user+*@example.com PERM+VERIFY+CS:/CN=x\n"
    "TLS_To: ENCR:1+FP:00112233445566778899aabbccddeeff\n"
    "TLS_Header:example.com PERM+VERIFY\nTLS_Header: HOLD+ENCR:1\n"
    "TLS_Auth: PERM+ENCR:256\nTLS_Daemon:25 ENCR:0\n"
    "TLS_From:a.example ENCR:0+WHEN:192.0.2.1++WHEN:.a.example\n"
    "TLS_From:a.example AS:strong++CN:.a.example++CN:b\n"
    "TLS_From:b.example ENCR:1+CLIENT:192.0.2.0/24++CLIENT:b.example\n"
    "TLS_From:c.example PERM+ENCR:1+PKFP:00112233445566778899aabbccddeeff\n"
    "TLS_Rcpt:dane.example DANE+CN:a\nTLS_Srv:may.example DANE:may\n"
    "Profile:strong PERM+VERIFY:128+VER:1.2++PFS++ICN:x++ICN:y\n"
    "TLS_Srv: VERIFY+CN\nTLS_Rcpt:user@ ENCR:1\nTry_TLS:com NO\n"
    "MyCA:/C=DE/CN=x OK\n";

static struct store *store;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *path = fuzz_path("store");
	struct fault fault;

	(void)argc;
	(void)argv;
	fuzz_build(path, rules);
	FUZZ_CHECK((store = store_open(path, &fault)) != NULL);
	return 0;
}

static void
check_reply(const struct verdict *v)
{
	const struct reply *r = &v->reply;

	FUZZ_CHECK((v->kind == VERDICT_ACCEPT) == (v->waiver != WAIVER_NONE ||
	    v->deciding < 0));
	if (v->deciding < 0)
		return;
	FUZZ_CHECK(r->nlines > 0 && r->nlines <= REPLY_LINES_MAX);
	FUZZ_CHECK(r->kind == VERDICT_HOLD ||
	    (r->code[0] == (r->kind == VERDICT_REJECT ? '5' : '4') &&
	    r->code[0] == r->dsn[0]));
	FUZZ_CHECK(r->reason != REASON_POLICY_ERROR || r->code[0] == '4');
	for (unsigned i = 0; i < r->nlines; i++) {
		FUZZ_CHECK(r->lines[i].n > 0 &&
		    r->lines[i].n <= REPLY_LINE_MAX);
		for (size_t j = 0; j < r->lines[i].n; j++)
			FUZZ_CHECK(r->lines[i].p[j] >= ' ' &&
			    r->lines[i].p[j] <= '~');
	}
}

static void
check_line(void *arg, const char *line)
{
	(void)arg;
	for (; *line != '\0'; line++)
		FUZZ_CHECK(*line >= ' ' && *line <= '~');
}

static void
judge(const struct facts *facts, unsigned how)
{
	const struct eval_options options = {
		.default_class = how & 1 ? CLASS_PERM : CLASS_TEMP,
		.compat_sendmail = (how & 2) != 0,
		.on_error_accept = (how & 4) != 0,
		.judge_header = true,
		.help_url = how & 8 ? "https://x.example/" : NULL
	};
	const struct trace trace = { check_line, NULL };
	struct store_reader reader;
	struct question q = { .facts = facts, .options = &options,
		.now = 1770000000, .trace = how & 16 ? &trace : NULL,
		.reader = &reader };
	struct verdict verdict;
	struct fault fault;

	FUZZ_CHECK(store_begin(store, &reader, &fault));
	for (int scope = EVAL_MAIL; scope <= EVAL_TAG; scope++) {
		q.scope = (enum eval_scope)scope;
		for (int tag = 0; tag < (scope == EVAL_TAG ? TAG_CA : 1);
		    tag++) {
			q.tag = (enum tag)tag;
			eval_session(&q, &verdict);
			check_reply(&verdict);
		}
	}
	store_end(&reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make((const char *)data, size), line;
	struct facts facts;

	if (size == 0)
		return 0;
	rest = slice_from(rest, 1);
	facts_init(&facts, data[0] & 32 ? DIALECT_POSTFIX : DIALECT_SENDMAIL);
	while (slice_next(&rest, '\n', &line)) {
		size_t equals = slice_find(line, '=');

		if (equals < line.n)
			FUZZ_RUN(macro_set(&facts, slice_make(line.p, equals),
			    slice_from(line, equals + 1)));
	}
	FUZZ_CHECK(macro_finish(&facts));
	judge(&facts, data[0]);
	facts_free(&facts);
	return 0;
}
