/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * act-milter.c: a milter on libmilter that does to a message what the message asks for.
 *
 *   act-milter SOCKET [leadspc]
 *
 * Each field `X-Act:` of a message holds one edit, made at its end in the order of the fields. The
 * parts of an edit stand between bars; `\n`, `\r`, `\t`, `\|` and `\\` are what they look like:
 *
 *   add|NAME|VALUE  insert|INDEX|NAME|VALUE  change|INDEX|NAME|VALUE  delete|INDEX|NAME
 *   body|TEXT  fill|SIZE  addrcpt|ADDRESS  addrcpt|ADDRESS|ARGUMENTS  delrcpt|ADDRESS
 *   from|ADDRESS  from|ADDRESS|ARGUMENTS  quarantine|REASON  progress
 *
 * An edit that it does not understand, or that libmilter refuses, makes it refuse the message.
 * leadspc: header values keep the blank behind the colon, in both directions.
 */
#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_PARTS 4

/* what a message asks for */
typedef struct Act Act;
struct Act
{
  Act *next;
  char *text;                  /* owns the parts */
  const char *parts[MAX_PARTS];
  int n_parts;
};

typedef struct
{
  Act *first;
  Act **last;
} Acts;

/* libmilter takes them as char * */
static char milter_name[] = "act-milter";
static char refusal_code[] = "550";
static char refusal_status[] = "5.7.1";
static char refusal_text[] = "act-milter: this edit cannot be made";

static bool keep_leading_space;

static char
unescape (char letter)
{
  switch (letter)
    {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;
    }
}

/* takes a value apart in place */
static Act *
act_new (const char *value)
{
  Act *act = calloc (1, sizeof *act);
  char *out = act->text = strdup (value);

  act->parts[act->n_parts++] = out;
  for (const char *in = act->text; *in != '\0'; in++)
    if (*in == '\\' && in[1] != '\0')
      *out++ = unescape (*++in);
    else if (*in == '|' && act->n_parts < MAX_PARTS)
      {
        *out++ = '\0';
        act->parts[act->n_parts++] = out;
      }
    else
      *out++ = *in;
  *out = '\0';
  return act;
}

static void
acts_clear (Acts *acts)
{
  while (acts->first != NULL)
    {
      Act *act = acts->first;

      acts->first = act->next;
      free (act->text);
      free (act);
    }
  acts->last = &acts->first;
}

static int
act_add (SMFICTX *context, const Act *act)
{
  return smfi_addheader (context, (char *) act->parts[1], (char *) act->parts[2]);
}

static int
act_insert (SMFICTX *context, const Act *act)
{
  return smfi_insheader (
      context, atoi (act->parts[1]), (char *) act->parts[2], (char *) act->parts[3]);
}

static int
act_change (SMFICTX *context, const Act *act)
{
  return smfi_chgheader (
      context, (char *) act->parts[2], atoi (act->parts[1]), (char *) act->parts[3]);
}

static int
act_delete (SMFICTX *context, const Act *act)
{
  return smfi_chgheader (context, (char *) act->parts[2], atoi (act->parts[1]), NULL);
}

static int
act_body (SMFICTX *context, const Act *act)
{
  return smfi_replacebody (context, (unsigned char *) act->parts[1], (int) strlen (act->parts[1]));
}

/* a body of many lines of different lengths; libmilter cuts it where it likes */
static int
act_fill (SMFICTX *context, const Act *act)
{
  size_t size = strtoul (act->parts[1], NULL, 10);
  unsigned char *body = malloc (size + 1);
  int result;

  for (size_t i = 0; i < size; i++)
    body[i] = (unsigned char) (i % 71 == 69 ? '\r' : i % 71 == 70 ? '\n' : 'a' + i / 71 % 26);
  result = smfi_replacebody (context, body, (int) size);
  free (body);
  return result;
}

static int
act_addrcpt (SMFICTX *context, const Act *act)
{
  return smfi_addrcpt (context, (char *) act->parts[1]);
}

static int
act_addrcpt_with_arguments (SMFICTX *context, const Act *act)
{
  return smfi_addrcpt_par (context, (char *) act->parts[1], (char *) act->parts[2]);
}

static int
act_delrcpt (SMFICTX *context, const Act *act)
{
  return smfi_delrcpt (context, (char *) act->parts[1]);
}

static int
act_from (SMFICTX *context, const Act *act)
{
  return smfi_chgfrom (
      context, (char *) act->parts[1], act->n_parts > 2 ? (char *) act->parts[2] : NULL);
}

static int
act_quarantine (SMFICTX *context, const Act *act)
{
  return smfi_quarantine (context, (char *) act->parts[1]);
}

static int
act_progress (SMFICTX *context, const Act *act)
{
  (void) act;
  return smfi_progress (context);
}

static const struct
{
  const char *verb;
  int n_parts;
  int (*run) (SMFICTX *context, const Act *act);
} verbs[] = {
  { "add", 3, act_add },
  { "insert", 4, act_insert },
  { "change", 4, act_change },
  { "delete", 3, act_delete },
  { "body", 2, act_body },
  { "fill", 2, act_fill },
  { "addrcpt", 2, act_addrcpt },
  { "addrcpt", 3, act_addrcpt_with_arguments },
  { "delrcpt", 2, act_delrcpt },
  { "from", 2, act_from },
  { "from", 3, act_from },
  { "quarantine", 2, act_quarantine },
  { "progress", 1, act_progress },
};

static bool
run (SMFICTX *context, const Act *act)
{
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (strcmp (verbs[i].verb, act->parts[0]) == 0 && verbs[i].n_parts == act->n_parts)
      return verbs[i].run (context, act) == MI_SUCCESS;
  return false;
}

static sfsistat
on_negotiate (SMFICTX *context,
              unsigned long actions,
              unsigned long steps,
              unsigned long unused0,
              unsigned long unused1,
              unsigned long *wanted_actions,
              unsigned long *wanted_steps,
              unsigned long *answer0,
              unsigned long *answer1)
{
  (void) context;
  (void) unused0;
  (void) unused1;
  *wanted_actions = actions & SMFI_CURR_ACTS & ~(unsigned long) SMFIF_SETSYMLIST;
  *wanted_steps = keep_leading_space ? steps & SMFIP_HDR_LEADSPC : 0;
  *answer0 = *answer1 = 0;
  return SMFIS_CONTINUE;
}

static Acts *
get_acts (SMFICTX *context)
{
  Acts *acts = smfi_getpriv (context);

  if (acts == NULL)
    {
      acts = calloc (1, sizeof *acts);
      acts->last = &acts->first;
      smfi_setpriv (context, acts);
    }
  return acts;
}

static sfsistat
on_mail (SMFICTX *context, char **arguments)
{
  (void) arguments;
  acts_clear (get_acts (context));
  return SMFIS_CONTINUE;
}

static sfsistat
on_header (SMFICTX *context, char *name, char *value)
{
  Acts *acts = get_acts (context);

  if (strcasecmp (name, "X-Act") == 0)
    {
      *acts->last = act_new (value + (keep_leading_space && *value == ' '));
      acts->last = &(*acts->last)->next;
    }
  return SMFIS_CONTINUE;
}

static sfsistat
on_body (SMFICTX *context, unsigned char *chunk, size_t size)
{
  (void) context;
  (void) chunk;
  (void) size;
  return SMFIS_CONTINUE;
}

static sfsistat
on_end (SMFICTX *context)
{
  for (const Act *act = get_acts (context)->first; act != NULL; act = act->next)
    if (!run (context, act))
      {
        smfi_setreply (context, refusal_code, refusal_status, refusal_text);
        return SMFIS_REJECT;
      }
  return SMFIS_CONTINUE;
}

static sfsistat
on_close (SMFICTX *context)
{
  Acts *acts = smfi_getpriv (context);

  if (acts != NULL)
    {
      acts_clear (acts);
      free (acts);
      smfi_setpriv (context, NULL);
    }
  return SMFIS_CONTINUE;
}

int
main (int argc, char **argv)
{
  struct smfiDesc milter = {
    .xxfi_name = milter_name,
    .xxfi_version = SMFI_VERSION,
    .xxfi_flags = SMFI_CURR_ACTS & ~SMFIF_SETSYMLIST,
    .xxfi_envfrom = on_mail,
    .xxfi_header = on_header,
    .xxfi_body = on_body,
    .xxfi_eom = on_end,
    .xxfi_close = on_close,
    .xxfi_negotiate = on_negotiate,
  };

  if (argc < 2)
    {
      fprintf (stderr, "usage: act-milter SOCKET [leadspc]\n");
      return 2;
    }
  keep_leading_space = argc > 2 && strcmp (argv[2], "leadspc") == 0;
  if (smfi_register (milter) != MI_SUCCESS || smfi_setconn (argv[1]) != MI_SUCCESS)
    {
      fprintf (stderr, "act-milter: libmilter does not take %s\n", argv[1]);
      return 2;
    }
  return smfi_main () == MI_SUCCESS ? 0 : 1;
}
