/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conformance-milter.c: a milter on libmilter that does what messages of the conformance suite ask
 * for, by the convention of docs/conformance.md.
 *
 *   conformance-milter SOCKET
 *
 * What libmilter does with it is what libmilter does: the suite's known deviations are those of this
 * program.
 */
#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ASKS_FOR_STEPS 0x200ul
#define ASKS_FOR_LISTS 0x400ul

/* bounded: what does not fit is cut, as no message of the suite is so long */
#define TEXT_SIZE 70000
#define MAX_FIELDS 1200
#define LINE_SIZE 72

typedef struct
{
  bool leading_blank;
  char connect[600], helo[600], connect_macro[300];
  char mail[2000], mail_macro[300], rcpts[8000], rcpt_macros[8000];
  unsigned n_rcpts;
  char *names[MAX_FIELDS], *values[MAX_FIELDS];
  int n_fields;
  unsigned long body_size, body_sum;
  int at_data, at_eoh, at_body; /* a verdict; -1: none */
} State;

static char milter_name[] = "conformance-milter";

/* libmilter takes what it is given as char * */
static char *
text_of (const char *text)
{
  return (char *) text;
}

static void __attribute__ ((format (printf, 3, 4)))
append (char *text, size_t size, const char *format, ...)
{
  size_t used = strlen (text);
  va_list arguments;

  va_start (arguments, format);
  if (used < size)
    vsnprintf (text + used, size - used, format, arguments);
  va_end (arguments);
}

/* --- verdicts --------------------------------------------------------------------------------- */

enum
{
  VERDICT_REPLY = 100,
  VERDICT_MULTI
};

static const struct
{
  const char *word;
  int verdict;
} verdicts[] = {
  { "continue", SMFIS_CONTINUE }, { "reject", SMFIS_REJECT }, { "tempfail", SMFIS_TEMPFAIL },
  { "discard", SMFIS_DISCARD },   { "accept", SMFIS_ACCEPT }, { "skip", SMFIS_SKIP },
  { "reply", VERDICT_REPLY },     { "multi", VERDICT_MULTI },
};

static int
find_verdict (const char *text, const char *stops)
{
  size_t n;

  if (*text == '<')
    text++;
  n = strcspn (text, stops);
  for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
    if (strlen (verdicts[i].word) == n && strncasecmp (verdicts[i].word, text, n) == 0)
      return verdicts[i].verdict;
  return -1;
}

static sfsistat
answer (SMFICTX *ctx, int verdict)
{
  if (verdict == VERDICT_REPLY)
    smfi_setreply (ctx, text_of ("554"), text_of ("5.7.1"), text_of ("Not today, 100%% sure"));
  if (verdict == VERDICT_MULTI)
    smfi_setmlreply (ctx, "550", "5.7.2", "first line", "second line", "third line", NULL);
  if (verdict >= VERDICT_REPLY)
    return SMFIS_REJECT;
  return verdict < 0 ? SMFIS_CONTINUE : verdict;
}

/* --- state ------------------------------------------------------------------------------------ */

static void
begin_message (State *state)
{
  for (int i = 0; i < state->n_fields; i++)
    {
      free (state->names[i]);
      free (state->values[i]);
    }
  state->n_fields = 0;
  state->mail[0] = state->mail_macro[0] = state->rcpts[0] = state->rcpt_macros[0] = '\0';
  state->n_rcpts = 0;
  state->body_size = state->body_sum = 0;
  state->at_data = state->at_eoh = state->at_body = -1;
}

static State *
get_state (SMFICTX *ctx)
{
  State *state = smfi_getpriv (ctx);

  if (state == NULL)
    {
      state = calloc (1, sizeof *state);
      if (state == NULL)
        abort ();
      begin_message (state);
      smfi_setpriv (ctx, state);
    }
  return state;
}

static void
keep_macro (SMFICTX *ctx, const char *name, char *text, size_t size)
{
  const char *value = smfi_getsymval (ctx, text_of (name));

  append (text, size, "%s%s", *text != '\0' ? " " : "", value != NULL ? value : "(none)");
}

/* --- events ----------------------------------------------------------------------------------- */

static sfsistat
on_negotiate (SMFICTX *ctx,
              unsigned long actions,
              unsigned long steps,
              unsigned long unused_2,
              unsigned long unused_3,
              unsigned long *want_actions,
              unsigned long *want_steps,
              unsigned long *want_2,
              unsigned long *want_3)
{
  State *state = get_state (ctx);

  *want_actions = actions & 0x1ff;
  *want_steps = steps & SMFIP_SKIP;
  *want_2 = *want_3 = 0;
  if (actions & ASKS_FOR_STEPS)
    *want_steps = steps & 0x1fffff;
  state->leading_blank = (*want_steps & SMFIP_HDR_LEADSPC) != 0;
  if (actions & ASKS_FOR_LISTS)
    {
      smfi_setsymlist (ctx, SMFIM_CONNECT, text_of ("j {client_addr} {daemon_name}"));
      smfi_setsymlist (ctx, SMFIM_ENVFROM, text_of ("i {mail_addr}"));
      smfi_setsymlist (ctx, SMFIM_ENVRCPT, text_of ("{rcpt_addr} {rcpt_mailer}"));
      smfi_setsymlist (ctx, SMFIM_EOM, text_of ("i"));
    }
  return SMFIS_CONTINUE;
}

static sfsistat
on_connect (SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
  State *state = get_state (ctx);
  char buffer[INET6_ADDRSTRLEN] = "";

  snprintf (state->connect, sizeof state->connect, "%s ", host);
  if (address == NULL)
    append (state->connect, sizeof state->connect, "unknown");
  else if (((struct sockaddr *) address)->sa_family == AF_INET)
    {
      const struct sockaddr_in *in = (const struct sockaddr_in *) address;

      inet_ntop (AF_INET, &in->sin_addr, buffer, sizeof buffer);
      append (state->connect, sizeof state->connect, "4 %s %u", buffer, ntohs (in->sin_port));
    }
  else if (((struct sockaddr *) address)->sa_family == AF_INET6)
    {
      const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) address;

      inet_ntop (AF_INET6, &in6->sin6_addr, buffer, sizeof buffer);
      append (state->connect, sizeof state->connect, "6 %s %u", buffer, ntohs (in6->sin6_port));
    }
  else
    append (state->connect, sizeof state->connect, "unix");
  keep_macro (ctx, "{client_addr}", state->connect_macro, sizeof state->connect_macro);
  return answer (ctx, find_verdict (host, "."));
}

static sfsistat
on_helo (SMFICTX *ctx, char *name)
{
  State *state = get_state (ctx);

  snprintf (state->helo, sizeof state->helo, "%s", name);
  return answer (ctx, find_verdict (name, "."));
}

static void
append_envelope (char **arguments, char *text, size_t size)
{
  for (int i = 0; arguments[i] != NULL; i++)
    append (text, size, "%s%s", i > 0 ? " " : "", arguments[i]);
}

static sfsistat
on_mail (SMFICTX *ctx, char **arguments)
{
  State *state = get_state (ctx);

  begin_message (state);
  append_envelope (arguments, state->mail, sizeof state->mail);
  keep_macro (ctx, "{mail_addr}", state->mail_macro, sizeof state->mail_macro);
  return answer (ctx, find_verdict (arguments[0], "@>"));
}

static sfsistat
on_rcpt (SMFICTX *ctx, char **arguments)
{
  State *state = get_state (ctx);
  const char *name = arguments[0] + (arguments[0][0] == '<');
  const char *mailer = smfi_getsymval (ctx, text_of ("{rcpt_mailer}"));
  int verdict = find_verdict (arguments[0], "@>");

  keep_macro (ctx, "{rcpt_addr}", state->rcpt_macros, sizeof state->rcpt_macros);
  if (strncasecmp (name, "data-", 5) == 0)
    state->at_data = find_verdict (name + 5, "@>");
  if (verdict < 0 && (mailer == NULL || strcmp (mailer, "error") != 0))
    {
      append (state->rcpts, sizeof state->rcpts, "%s", state->n_rcpts++ > 0 ? ", " : "");
      append_envelope (arguments, state->rcpts, sizeof state->rcpts);
    }
  return answer (ctx, verdict);
}

static sfsistat
on_data (SMFICTX *ctx)
{
  return answer (ctx, get_state (ctx)->at_data);
}

static sfsistat
on_unknown (SMFICTX *ctx, const char *command)
{
  return strncasecmp (command, "XACT ", 5) == 0 ? answer (ctx, find_verdict (command + 5, " "))
                                                : SMFIS_CONTINUE;
}

static sfsistat
on_header (SMFICTX *ctx, char *name, char *value)
{
  State *state = get_state (ctx);
  const char *text = value + strspn (value, " \t");

  if (state->n_fields < MAX_FIELDS)
    {
      state->names[state->n_fields] = strdup (name);
      state->values[state->n_fields++] = strdup (value);
    }
  if (strcasecmp (name, "X-At") == 0 && strncmp (text, "eoh ", 4) == 0)
    state->at_eoh = find_verdict (text + 4, " ");
  if (strcasecmp (name, "X-At") == 0 && strncmp (text, "body ", 5) == 0)
    state->at_body = find_verdict (text + 5, " ");
  return strcasecmp (name, "X-Now") == 0 ? answer (ctx, find_verdict (text, " ")) : SMFIS_CONTINUE;
}

static sfsistat
on_eoh (SMFICTX *ctx)
{
  return answer (ctx, get_state (ctx)->at_eoh);
}

static sfsistat
on_body (SMFICTX *ctx, unsigned char *chunk, size_t size)
{
  State *state = get_state (ctx);

  state->body_size += size;
  for (size_t i = 0; i < size; i++)
    state->body_sum += chunk[i];
  return answer (ctx, state->at_body);
}

/* --- what a message asks for ------------------------------------------------------------------ */

static char *
take_word (char **text)
{
  char *word = *text + strspn (*text, " \t");

  *text = word + strcspn (word, " \t");
  if (**text != '\0')
    *(*text)++ = '\0';
  *text += strspn (*text, " ");
  return word;
}

static char *
make_value (const State *state, const char *value)
{
  static __thread char text[TEXT_SIZE + 2];

  snprintf (text, sizeof text, "%s%s", state->leading_blank && *value != '\0' ? " " : "", value);
  return text;
}

static void
tell (SMFICTX *ctx, const State *state, char *what)
{
  static __thread char text[TEXT_SIZE];
  char *rest = what;
  const char *value;
  char *word;

  snprintf (text, sizeof text, "%s = ", what);
  word = take_word (&rest);
  if (strcmp (word, "connect") == 0)
    append (text, sizeof text, "%s", state->connect);
  if (strcmp (word, "helo") == 0)
    append (text, sizeof text, "%s", state->helo);
  if (strcmp (word, "mail") == 0)
    append (text, sizeof text, "%s", state->mail);
  if (strcmp (word, "rcpts") == 0)
    append (text, sizeof text, "%u %s", state->n_rcpts, state->rcpts);
  if (strcmp (word, "body") == 0)
    append (text, sizeof text, "%lu bytes, sum %lu", state->body_size, state->body_sum);
  for (int i = 0; i < state->n_fields; i++)
    {
      if (strcmp (word, "names") == 0)
        append (text, sizeof text, "%s%s", i > 0 ? ", " : "", state->names[i]);
      if (strcmp (word, "header") == 0 && strcasecmp (state->names[i], rest) == 0)
        append (text, sizeof text, "[%s]", state->values[i]);
    }
  if (strcmp (word, "macro") == 0)
    {
      value = smfi_getsymval (ctx, rest);
      append (text, sizeof text, value != NULL ? "[%s]" : "%s", value != NULL ? value : "(none)");
    }
  if (strcmp (word, "macros-at") == 0)
    append (text,
            sizeof text,
            "%s",
            strcmp (rest, "connect") == 0 ? state->connect_macro
            : strcmp (rest, "mail") == 0  ? state->mail_macro
                                          : state->rcpt_macros);
  smfi_addheader (ctx, text_of ("X-Told"), make_value (state, text));
}

static void
replace_body (SMFICTX *ctx, size_t size)
{
  unsigned char *body = malloc (size + 1);

  for (size_t i = 0; body != NULL && i < size; i++)
    body[i] = i % LINE_SIZE == LINE_SIZE - 2   ? '\r'
              : i % LINE_SIZE == LINE_SIZE - 1 ? '\n'
                                               : (unsigned char) ('a' + i / LINE_SIZE % 26);
  if (body != NULL)
    smfi_replacebody (ctx, body, (int) size);
  free (body);
}

/* the edits of the header; false: it is none */
static bool
edit_header (SMFICTX *ctx, const State *state, const char *word, char *text)
{
  unsigned long index = 0;
  char *name;

  if (strcmp (word, "delete-all") == 0)
    {
      int n = 0;

      for (int i = 0; i < state->n_fields; i++)
        n += strcasecmp (state->names[i], text) == 0;
      for (; n > 0; n--)
        smfi_chgheader (ctx, text, n, NULL);
      return true;
    }
  if (strcmp (word, "add") != 0 && strcmp (word, "insert") != 0 && strcmp (word, "change") != 0
      && strcmp (word, "delete") != 0)
    return false;
  if (strcmp (word, "add") != 0)
    index = strtoul (take_word (&text), NULL, 10);
  name = take_word (&text);
  if (strcmp (word, "add") == 0)
    smfi_addheader (ctx, name, make_value (state, text));
  else if (strcmp (word, "insert") == 0)
    smfi_insheader (ctx, (int) index, name, make_value (state, text));
  else
    smfi_chgheader (
        ctx, name, (int) index, strcmp (word, "change") == 0 ? make_value (state, text) : NULL);
  return true;
}

/* as who writes a reply has to; NULL of NULL */
static char *
double_percents (const char *text)
{
  char *doubled = text != NULL ? calloc (2, strlen (text) + 1) : NULL;

  for (char *at = doubled; at != NULL && *text != '\0'; text++)
    {
      *at++ = *text;
      if (*text == '%')
        *at++ = '%';
    }
  return doubled;
}

static sfsistat
set_reply (SMFICTX *ctx, char *text)
{
  char *code = take_word (&text);
  char *extended = take_word (&text);
  char *lines[4] = { text, NULL, NULL, NULL };

  for (int i = 1; i < 4 && lines[i - 1] != NULL; i++)
    {
      lines[i] = strstr (lines[i - 1], " / ");
      if (lines[i] != NULL)
        {
          *lines[i] = '\0';
          lines[i] += 3;
        }
    }
  for (int i = 0; i < 4; i++)
    lines[i] = double_percents (lines[i]);
  smfi_setmlreply (ctx, code, extended, lines[0], lines[1], lines[2], lines[3], NULL);
  for (int i = 0; i < 4; i++)
    free (lines[i]);
  return *code == '4' ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

static sfsistat
act (SMFICTX *ctx, const State *state, char *text, sfsistat status)
{
  char *word = take_word (&text);
  char *address;

  if (edit_header (ctx, state, word, text))
    return status;
  if (strcmp (word, "body") == 0)
    {
      smfi_replacebody (ctx, (unsigned char *) text, (int) strlen (text));
      smfi_replacebody (ctx, (unsigned char *) text_of ("\r\n"), 2);
    }
  else if (strcmp (word, "bigbody") == 0)
    replace_body (ctx, strtoul (text, NULL, 10));
  else if (strcmp (word, "bigheader") == 0)
    {
      size_t size = strtoul (text, NULL, 10);
      char *value = calloc (1, size + 1);

      if (value != NULL)
        smfi_addheader (ctx, text_of ("X-Big"), memset (value, 'x', size));
      free (value);
    }
  else if (strcmp (word, "quarantine") == 0)
    smfi_quarantine (ctx, text);
  else if (strcmp (word, "addrcpt") == 0)
    smfi_addrcpt (ctx, text);
  else if (strcmp (word, "addrcptpar") == 0)
    {
      address = take_word (&text);
      smfi_addrcpt_par (ctx, address, text);
    }
  else if (strcmp (word, "delrcpt") == 0)
    smfi_delrcpt (ctx, text);
  else if (strcmp (word, "from") == 0)
    {
      address = take_word (&text);
      smfi_chgfrom (ctx, address, *text != '\0' ? text : NULL);
    }
  else if (strcmp (word, "progress") == 0)
    smfi_progress (ctx);
  else if (strcmp (word, "tell") == 0)
    tell (ctx, state, text);
  else if (strcmp (word, "reply") == 0 && *text != '\0')
    return set_reply (ctx, text);
  else if (find_verdict (word, "") >= 0)
    return answer (ctx, find_verdict (word, ""));
  return status;
}

static sfsistat
on_eom (SMFICTX *ctx)
{
  State *state = get_state (ctx);
  sfsistat status = SMFIS_CONTINUE;

  for (int i = 0; i < state->n_fields; i++)
    if (strcasecmp (state->names[i], "X-Act") == 0)
      {
        char *text = strdup (state->values[i]);

        status = act (ctx, state, text, status);
        free (text);
      }
  begin_message (state);
  return status;
}

static sfsistat
on_abort (SMFICTX *ctx)
{
  begin_message (get_state (ctx));
  return SMFIS_CONTINUE;
}

static sfsistat
on_close (SMFICTX *ctx)
{
  State *state = smfi_getpriv (ctx);

  if (state != NULL)
    begin_message (state);
  free (state);
  smfi_setpriv (ctx, NULL);
  return SMFIS_CONTINUE;
}

int
main (int argc, char **argv)
{
  struct smfiDesc description = {
    .xxfi_name = milter_name,
    .xxfi_version = SMFI_VERSION,
    .xxfi_connect = on_connect,
    .xxfi_helo = on_helo,
    .xxfi_envfrom = on_mail,
    .xxfi_envrcpt = on_rcpt,
    .xxfi_header = on_header,
    .xxfi_eoh = on_eoh,
    .xxfi_body = on_body,
    .xxfi_eom = on_eom,
    .xxfi_abort = on_abort,
    .xxfi_close = on_close,
    .xxfi_unknown = on_unknown,
    .xxfi_data = on_data,
    .xxfi_negotiate = on_negotiate,
  };

  if (argc < 2 || smfi_setconn (argv[1]) != MI_SUCCESS || smfi_register (description) != MI_SUCCESS
      || smfi_opensocket (1) != MI_SUCCESS)
    {
      fprintf (stderr, "usage: %s SOCKET\n", argv[0]);
      return 2;
    }
  return smfi_main () == MI_SUCCESS ? 0 : 1;
}
