#include "policy/cert/certificate.h"
#include "policy/cert/describe.h"
#include "policy/probe/report.h"

static void
line(FILE *out, const char *label, const char *value)
{
	fprintf(out, "    %-14s%s\n", label, value);
}

static const char *
client_certificate(const struct probe_result *result)
{
	if (!result->asked_for_certificate)
		return "the server asks for none";
	return result->presented_certificate ? "asked for and presented" :
	    "asked for, none presented";
}

static void
named_text(const struct probe_result *result, FILE *out)
{
	if (result->named_verify != NULL)
		fprintf(out, "    %-14s%s, %s the certificate; MTAs do not "
		    "tell the name by themselves\n", "told the name",
		    result->named_verify, result->named_matches ?
		    "and stands in" : "and is not in");
}

static void
tls_text(const struct probe_result *result, time_t now, FILE *out)
{
	line(out, "version", result->version);
	line(out, "cipher", result->cipher);
	fprintf(out, "    %-14s%d\n", "bits", result->bits);
	if (result->key_exchange[0] != '\0')
		line(out, "key exchange", result->key_exchange);
	line(out, "client", client_certificate(result));
	if (result->certificate == NULL) {
		line(out, "certificate", result->anonymous ? "none: the server "
		    "agrees to suites without one only" : "none");
		return;
	}
	line(out, "reason",
	    X509_verify_cert_error_string(result->verify_result));
	fprintf(out, "    %-14s%s %s the certificate\n", "name", result->host,
	    result->name_matches ? "stands in" : "is not in");
	named_text(result, out);
	fprintf(out, "    %-14s%d sent\n", "certificates", result->chain);
	describe_text(result->certificate, now, 4, out);
	describe_purposes(result->certificate, 4, out);
}

void
probe_report_text(const struct probe_result *result, time_t now, FILE *out)
{
	line(out, "outcome", probe_outcome_name(result->outcome));
	if (result->detail[0] != '\0')
		line(out, "why", result->detail);
	if (result->greeting[0] != '\0')
		line(out, "greeting", result->greeting);
	line(out, "verify", result->verify);
	if (result->version[0] != '\0')
		tls_text(result, now, out);
	else
		named_text(result, out);
	for (unsigned i = 0; i < result->nreplies; i++)
		fprintf(out, "    %-14s%d %s\n", result->replies[i].command,
		    result->replies[i].code, result->replies[i].text);
}

static void
tls_json(const struct probe_result *result, time_t now, json_t *root)
{
	json_object_set_new(root, "tls_version", json_string(result->version));
	json_object_set_new(root, "cipher", json_string(result->cipher));
	json_object_set_new(root, "cipher_bits", json_integer(result->bits));
	json_object_set_new(root, "key_exchange",
	    json_string(result->key_exchange));
	json_object_set_new(root, "anonymous",
	    json_boolean(result->anonymous));
	json_object_set_new(root, "asked_for_certificate",
	    json_boolean(result->asked_for_certificate));
	json_object_set_new(root, "presented_certificate",
	    json_boolean(result->presented_certificate));
	if (result->certificate == NULL)
		return;
	json_object_set_new(root, "verify_reason", json_string(
	    X509_verify_cert_error_string(result->verify_result)));
	json_object_set_new(root, "name_matches",
	    json_boolean(result->name_matches));
	json_object_set_new(root, "certificates_sent",
	    json_integer(result->chain));
	json_object_set_new(root, "certificate",
	    describe_json(result->certificate, now));
}

json_t *
probe_report_json(const struct probe_result *result, time_t now)
{
	json_t *replies = json_array();
	json_t *root = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}",
	    "host", result->host, "address", result->address,
	    "port", (int)result->port, "outcome",
	    probe_outcome_name(result->outcome), "detail", result->detail,
	    "greeting", result->greeting, "verify", result->verify);

	if (result->version[0] != '\0')
		tls_json(result, now, root);
	if (result->named_verify != NULL)
		json_object_set_new(root, "with_server_name",
		    json_pack("{s:s, s:b}", "verify", result->named_verify,
		    "name_matches", (int)result->named_matches));
	for (unsigned i = 0; i < result->nreplies; i++)
		json_array_append_new(replies, json_pack("{s:s, s:i, s:s}",
		    "command", result->replies[i].command,
		    "code", result->replies[i].code,
		    "text", result->replies[i].text));
	json_object_set_new(root, "replies", replies);
	return root;
}
