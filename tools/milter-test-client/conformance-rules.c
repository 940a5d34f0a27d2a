/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-rules.c: a milter that does what a message asks for.
 *
 * It is a program of the library like any other: rules, which speak first, can break what it does.
 */
#include "conformance-rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "conformance-private.h"

/* Bits of the offer that no MTA has, by which the suite asks: for every step that is offered, and for
 * lists of macros. They are never answered. */
#define ASKS_FOR_STEPS 0x200u
#define ASKS_FOR_LISTS 0x400u

/* --- state ------------------------------------------------------------------------------------ */

static void
begin_message (ConformanceState *state)
{
  g_string_truncate (state->mail, 0);
  g_string_truncate (state->mail_macro, 0);
  g_string_truncate (state->rcpts, 0);
  g_string_truncate (state->rcpt_macros, 0);
  state->n_rcpts = 0;
  g_ptr_array_set_size (state->names, 0);
  g_ptr_array_set_size (state->values, 0);
  g_ptr_array_set_size (state->acts, 0);
  state->body_size = state->body_sum = 0;
  state->at_data = state->at_eoh = state->at_body = NULL;
}

static void
state_free (gpointer data)
{
  ConformanceState *state = data;

  g_string_free (state->connect, TRUE);
  g_string_free (state->helo, TRUE);
  g_string_free (state->connect_macro, TRUE);
  g_string_free (state->mail, TRUE);
  g_string_free (state->mail_macro, TRUE);
  g_string_free (state->rcpts, TRUE);
  g_string_free (state->rcpt_macros, TRUE);
  g_ptr_array_unref (state->names);
  g_ptr_array_unref (state->values);
  g_ptr_array_unref (state->acts);
  g_free (state);
}

/* that of this client; another client on the connection has its own */
static ConformanceState *
get_state (MilterClientContext *context)
{
  ConformanceState *state = milter_client_context_get_private_data (context);

  if (state != NULL)
    return state;
  state = g_new0 (ConformanceState, 1);
  state->context = context;
  state->connect = g_string_new (NULL);
  state->helo = g_string_new (NULL);
  state->connect_macro = g_string_new (NULL);
  state->mail = g_string_new (NULL);
  state->mail_macro = g_string_new (NULL);
  state->rcpts = g_string_new (NULL);
  state->rcpt_macros = g_string_new (NULL);
  state->names = g_ptr_array_new_with_free_func (g_free);
  state->values = g_ptr_array_new_with_free_func (g_free);
  state->acts = g_ptr_array_new_with_free_func (g_free);
  milter_client_context_set_private_data (context, state, state_free);
  return state;
}

/* --- verdicts --------------------------------------------------------------------------------- */

static const ConformanceVerdict verdicts[] = {
  { "continue", MILTER_STATUS_CONTINUE },
  { "reject", MILTER_STATUS_REJECT },
  { "tempfail", MILTER_STATUS_TEMPORARY_FAILURE },
  { "discard", MILTER_STATUS_DISCARD },
  { "accept", MILTER_STATUS_ACCEPT },
  { "skip", MILTER_STATUS_SKIP },
  { "reply", MILTER_STATUS_REJECT },
  { "multi", MILTER_STATUS_REJECT },
};

const ConformanceVerdict *
conformance_find_verdict (const char *text, const char *stops)
{
  gsize n;

  if (*text == '<')
    text++;
  n = strcspn (text, stops);
  for (gsize i = 0; i < G_N_ELEMENTS (verdicts); i++)
    if (strlen (verdicts[i].word) == n && g_ascii_strncasecmp (verdicts[i].word, text, n) == 0)
      return &verdicts[i];
  return NULL;
}

MilterStatus
conformance_do_verdict (ConformanceState *state, const ConformanceVerdict *verdict)
{
  if (strcmp (verdict->word, "reply") == 0)
    milter_client_context_set_reply (
        state->context, 554, "5.7.1", "Not today, 100% sure", /* error= */ NULL);
  if (strcmp (verdict->word, "multi") == 0)
    milter_client_context_set_reply (
        state->context, 550, "5.7.2", "first line\nsecond line\nthird line", /* error= */ NULL);
  return verdict->status;
}

/* NULL lets pass */
static MilterStatus
answer (ConformanceState *state, const ConformanceVerdict *verdict)
{
  return verdict != NULL ? conformance_do_verdict (state, verdict) : MILTER_STATUS_CONTINUE;
}

/* --- events ----------------------------------------------------------------------------------- */

/* a list a stage, of macros that every MTA knows */
static void
ask_for_lists (MilterMacrosRequests *requests)
{
  milter_macros_requests_set_symbols (
      requests, MILTER_COMMAND_CONNECT, "j", "{client_addr}", "{daemon_name}", NULL);
  milter_macros_requests_set_symbols (requests, MILTER_COMMAND_HELO, "{tls_version}", NULL);
  milter_macros_requests_set_symbols (
      requests, MILTER_COMMAND_ENVELOPE_FROM, "i", "{mail_addr}", NULL);
  milter_macros_requests_set_symbols (
      requests, MILTER_COMMAND_ENVELOPE_RECIPIENT, "{rcpt_addr}", "{rcpt_mailer}", NULL);
  milter_macros_requests_set_symbols (requests, MILTER_COMMAND_END_OF_MESSAGE, "i", NULL);
}

static MilterStatus
on_negotiate (MilterClientContext *context,
              MilterOption *option,
              MilterMacrosRequests *requests,
              gpointer user_data)
{
  guint32 actions = milter_option_get_action (option);
  guint32 steps = milter_option_get_step (option);
  ConformanceState *state = get_state (context);

  if (actions & ASKS_FOR_LISTS && actions & MILTER_ACTION_SET_SYMBOL_LIST)
    ask_for_lists (requests);
  if (!(actions & ASKS_FOR_STEPS))
    return MILTER_STATUS_ALL_OPTIONS;
  /* just as they were offered */
  milter_option_set_step (option, (MilterStepFlags) steps);
  state->leading_blank = (steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE) != 0;
  milter_option_set_action (
      option, (MilterActionFlags) (actions & ~(ASKS_FOR_STEPS | ASKS_FOR_LISTS)));
  return MILTER_STATUS_CONTINUE;
}

static void
append_address (GString *text, const struct sockaddr *address)
{
  char buffer[INET6_ADDRSTRLEN] = "";

  if (address == NULL)
    g_string_append (text, "unknown");
  else if (address->sa_family == AF_INET)
    {
      const struct sockaddr_in *in = (const struct sockaddr_in *) address;

      inet_ntop (AF_INET, &in->sin_addr, buffer, sizeof buffer);
      g_string_append_printf (text, "4 %s %u", buffer, ntohs (in->sin_port));
    }
  else if (address->sa_family == AF_INET6)
    {
      const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) address;

      inet_ntop (AF_INET6, &in6->sin6_addr, buffer, sizeof buffer);
      g_string_append_printf (text, "6 %s %u", buffer, ntohs (in6->sin6_port));
    }
  else
    g_string_append_printf (text, "unix %s", ((const struct sockaddr_un *) address)->sun_path);
}

static void
keep_macro (MilterClientContext *context, const char *name, GString *text)
{
  const char *value = milter_protocol_agent_get_macro (MILTER_PROTOCOL_AGENT (context), name);

  if (text->len > 0)
    g_string_append_c (text, ' ');
  g_string_append (text, value != NULL ? value : "(none)");
}

static MilterStatus
on_connect (MilterClientContext *context,
            const char *host_name,
            struct sockaddr *address,
            socklen_t address_length,
            gpointer user_data)
{
  ConformanceState *state = get_state (context);

  g_string_printf (state->connect, "%s ", host_name);
  append_address (state->connect, address);
  keep_macro (context, "{client_addr}", state->connect_macro);
  return answer (state, conformance_find_verdict (host_name, "."));
}

static MilterStatus
on_helo (MilterClientContext *context, const char *fqdn, gpointer user_data)
{
  ConformanceState *state = get_state (context);

  g_string_assign (state->helo, fqdn);
  return answer (state, conformance_find_verdict (fqdn, "."));
}

static void
append_envelope (MilterClientContext *context, const char *address, GString *text)
{
  g_auto (GStrv) arguments = milter_client_context_get_envelope_arguments (context);

  g_string_append (text, address);
  for (char **argument = arguments; argument != NULL && *argument != NULL; argument++)
    g_string_append_printf (text, " %s", *argument);
}

static MilterStatus
on_mail (MilterClientContext *context, const char *from, gpointer user_data)
{
  ConformanceState *state = get_state (context);

  begin_message (state);
  append_envelope (context, from, state->mail);
  keep_macro (context, "{mail_addr}", state->mail_macro);
  return answer (state, conformance_find_verdict (from, "@>"));
}

/* one that the MTA has refused is shown with RCPT_REJ, and is none (milter-protocol 5.2) */
static bool
is_refused (MilterClientContext *context)
{
  const char *mailer
      = milter_protocol_agent_get_macro (MILTER_PROTOCOL_AGENT (context), "{rcpt_mailer}");

  return g_strcmp0 (mailer, "error") == 0;
}

static MilterStatus
on_rcpt (MilterClientContext *context, const char *recipient, gpointer user_data)
{
  ConformanceState *state = get_state (context);
  const ConformanceVerdict *verdict = conformance_find_verdict (recipient, "@>");
  const char *name = *recipient == '<' ? recipient + 1 : recipient;

  keep_macro (context, "{rcpt_addr}", state->rcpt_macros);
  if (g_ascii_strncasecmp (name, "data-", strlen ("data-")) == 0)
    state->at_data = conformance_find_verdict (name + strlen ("data-"), "@>");
  if (verdict == NULL && !is_refused (context))
    {
      if (state->n_rcpts++ > 0)
        g_string_append (state->rcpts, ", ");
      append_envelope (context, recipient, state->rcpts);
    }
  return answer (state, verdict);
}

static MilterStatus
on_data (MilterClientContext *context, gpointer user_data)
{
  ConformanceState *state = get_state (context);

  return answer (state, state->at_data);
}

static MilterStatus
on_unknown (MilterClientContext *context, const char *command, gpointer user_data)
{
  if (g_ascii_strncasecmp (command, "XACT ", strlen ("XACT ")) != 0)
    return MILTER_STATUS_CONTINUE;
  return answer (get_state (context), conformance_find_verdict (command + strlen ("XACT "), " "));
}

/* X-At: PLACE VERDICT */
static void
note_place (ConformanceState *state, const char *value)
{
  if (g_str_has_prefix (value, "eoh "))
    state->at_eoh = conformance_find_verdict (value + strlen ("eoh "), " ");
  if (g_str_has_prefix (value, "body "))
    state->at_body = conformance_find_verdict (value + strlen ("body "), " ");
}

static MilterStatus
on_header (MilterClientContext *context, const char *name, const char *value, gpointer user_data)
{
  ConformanceState *state = get_state (context);
  const char *text = value + strspn (value, " \t");

  g_ptr_array_add (state->names, g_strdup (name));
  g_ptr_array_add (state->values, g_strdup (value));
  if (g_ascii_strcasecmp (name, "X-Act") == 0)
    g_ptr_array_add (state->acts, g_strdup (text));
  if (g_ascii_strcasecmp (name, "X-At") == 0)
    note_place (state, text);
  if (g_ascii_strcasecmp (name, "X-Now") == 0)
    return answer (state, conformance_find_verdict (text, " "));
  return MILTER_STATUS_CONTINUE;
}

static MilterStatus
on_end_of_header (MilterClientContext *context, gpointer user_data)
{
  ConformanceState *state = get_state (context);

  return answer (state, state->at_eoh);
}

static void
count_body (ConformanceState *state, const char *chunk, gsize size)
{
  state->body_size += size;
  for (gsize i = 0; i < size; i++)
    state->body_sum += (guint8) chunk[i];
}

static MilterStatus
on_body (MilterClientContext *context, const char *chunk, gsize size, gpointer user_data)
{
  ConformanceState *state = get_state (context);

  count_body (state, chunk, size);
  return answer (state, state->at_body);
}

static MilterStatus
on_end_of_message (MilterClientContext *context, const char *chunk, gsize size, gpointer user_data)
{
  ConformanceState *state = get_state (context);
  MilterStatus status;

  if (size > 0)
    count_body (state, chunk, size);
  status = conformance_act (state);
  begin_message (state);
  return status;
}

static MilterStatus
on_abort (MilterClientContext *context, MilterClientContextState state, gpointer user_data)
{
  begin_message (get_state (context));
  return MILTER_STATUS_CONTINUE;
}

void
conformance_rules_serve (MilterClient *client)
{
  static const MilterClientHandlers handlers = {
    .negotiate = on_negotiate,
    .connect = on_connect,
    .helo = on_helo,
    .envelope_from = on_mail,
    .envelope_recipient = on_rcpt,
    .data = on_data,
    .unknown = on_unknown,
    .header = on_header,
    .end_of_header = on_end_of_header,
    .body = on_body,
    .end_of_message = on_end_of_message,
    .abort = on_abort,
  };

  milter_client_set_handlers (client, &handlers, /* user_data= */ NULL, /* destroy= */ NULL);
}
