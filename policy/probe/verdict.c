#include "policy/probe/verdict.h"
#include "policy/store/store.h"
#include "policy/probe/facts.h"

static const enum tag tags[PROBE_TAGS] = { TAG_TRY, TAG_SRV, TAG_RCPT };

const char *
probe_tag_name(unsigned at)
{
	return tag_row(tags[at])->name;
}

void
probe_judge_open(struct probe_judge *judge, struct store *store,
    const struct settings *settings, const char *digest)
{
	judge->store = store;
	judge->digest = digest;
	settings_eval_options(settings, &judge->options);
}

static void
judge_tag(struct probe_judge *judge, enum tag tag, const struct facts *facts,
    time_t now, struct probe_verdict *answer)
{
	struct question question = { .scope = EVAL_TAG, .tag = tag,
		.facts = facts, .options = &judge->options,
		.now = (int64_t)now };
	struct store_reader reader;
	struct verdict verdict;
	struct fault why;
	struct text text;

	if (store_begin(judge->store, &reader, &why))
		question.reader = &reader;
	else
		question.why = &why;
	eval_session(&question, &verdict);
	if (question.reader != NULL)
		store_end(&reader);
	answer->judged = true;
	answer->kind = verdict.kind;
	text_init(&text, answer->text, sizeof answer->text);
	verdict_print(&verdict, &text);
}

bool
probe_judge(struct probe_judge *judge, const struct probe_result *result,
    const char *rcpt, time_t now, struct probe_verdict verdicts[PROBE_TAGS],
    struct fault *f)
{
	struct facts facts;
	bool good;

	for (unsigned i = 0; i < PROBE_TAGS; i++)
		verdicts[i].judged = false;
	/* Without a dialogue there is no session to judge. */
	if (judge->store == NULL || result->greeting[0] == '\0')
		return true;
	facts_init(&facts, DIALECT_SENDMAIL);
	good = probe_facts(result, rcpt, judge->digest, &facts) ||
	    fault_no_memory(f);
	for (unsigned i = 0; good && i < PROBE_TAGS; i++)
		if (tags[i] != TAG_RCPT || rcpt != NULL)
			judge_tag(judge, tags[i], &facts, now, &verdicts[i]);
	facts_free(&facts);
	return good;
}
