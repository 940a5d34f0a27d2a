/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * answer-milter.c: a milter on libmilter that answers what the address or the field asks for, and
 * tells at the end of a message what it has been shown.
 *
 *   answer-milter SOCKET
 *
 * The sender, a recipient, or the value of a field `X-Answer:` that begins with one of these words
 * (behind a bracket or blank) is answered so: reject, later (451 4.7.1), accept, discard. A body
 * whose first chunk begins with `skip` is answered SKIP. At the end of a message the field
 * `X-Seen: FIELDS RECIPIENTS BYTES SUM` is added: how many fields, recipients and bytes of body
 * there were, and a sum over all of the fields and the body.
 */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct
{
  unsigned n_fields, n_recipients;
  unsigned long n_bytes, sum;
  int chunks;
} Seen;

static char milter_name[] = "answer-milter";
static char later_code[] = "451";
static char later_status[] = "4.7.1";
static char later_text[] = "come again";
static char seen_name[] = "X-Seen";

static void
add (Seen *seen, const char *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++)
    seen->sum = (seen->sum * 31 + (unsigned char) bytes[i]) & 0xffffffff;
}

static sfsistat
answer (SMFICTX *context, const char *text)
{
  while (*text == '<' || *text == ' ')
    text++;
  if (strncmp (text, "reject", 6) == 0)
    return SMFIS_REJECT;
  if (strncmp (text, "accept", 6) == 0)
    return SMFIS_ACCEPT;
  if (strncmp (text, "discard", 7) == 0)
    return SMFIS_DISCARD;
  if (strncmp (text, "later", 5) != 0)
    return SMFIS_CONTINUE;
  smfi_setreply (context, later_code, later_status, later_text);
  return SMFIS_TEMPFAIL;
}

static sfsistat
on_mail (SMFICTX *context, char **arguments)
{
  Seen *seen = smfi_getpriv (context);

  if (seen == NULL)
    seen = malloc (sizeof *seen);
  if (seen == NULL)
    return SMFIS_TEMPFAIL;
  *seen = (Seen){ 0 };
  smfi_setpriv (context, seen);
  return answer (context, arguments[0]);
}

static sfsistat
on_rcpt (SMFICTX *context, char **arguments)
{
  Seen *seen = smfi_getpriv (context);
  sfsistat status = answer (context, arguments[0]);

  if (status == SMFIS_CONTINUE)
    seen->n_recipients++;
  return status;
}

static sfsistat
on_header (SMFICTX *context, char *name, char *value)
{
  Seen *seen = smfi_getpriv (context);

  seen->n_fields++;
  add (seen, name, strlen (name));
  add (seen, value, strlen (value));
  return strcasecmp (name, "X-Answer") == 0 ? answer (context, value) : SMFIS_CONTINUE;
}

static sfsistat
on_body (SMFICTX *context, unsigned char *bytes, size_t size)
{
  Seen *seen = smfi_getpriv (context);

  seen->n_bytes += size;
  add (seen, (const char *) bytes, size);
  return seen->chunks++ == 0 && size >= 4 && memcmp (bytes, "skip", 4) == 0 ? SMFIS_SKIP
                                                                            : SMFIS_CONTINUE;
}

static sfsistat
on_eom (SMFICTX *context)
{
  Seen *seen = smfi_getpriv (context);
  char text[120];

  snprintf (text,
            sizeof text,
            "%u %u %lu %lu",
            seen->n_fields,
            seen->n_recipients,
            seen->n_bytes,
            seen->sum);
  smfi_addheader (context, seen_name, text);
  return SMFIS_CONTINUE;
}

static sfsistat
on_close (SMFICTX *context)
{
  free (smfi_getpriv (context));
  smfi_setpriv (context, NULL);
  return SMFIS_CONTINUE;
}

static sfsistat
on_negotiate (SMFICTX *context,
              unsigned long actions,
              unsigned long steps,
              unsigned long f2,
              unsigned long f3,
              unsigned long *own_actions,
              unsigned long *own_steps,
              unsigned long *own_f2,
              unsigned long *own_f3)
{
  (void) context;
  (void) actions;
  (void) f2;
  (void) f3;
  *own_actions = SMFIF_ADDHDRS;
  *own_steps = steps & SMFIP_SKIP;
  *own_f2 = *own_f3 = 0;
  return SMFIS_CONTINUE;
}

int
main (int argc, char **argv)
{
  struct smfiDesc description = {
    .xxfi_name = milter_name,
    .xxfi_version = SMFI_VERSION,
    .xxfi_flags = SMFIF_ADDHDRS,
    .xxfi_envfrom = on_mail,
    .xxfi_envrcpt = on_rcpt,
    .xxfi_header = on_header,
    .xxfi_body = on_body,
    .xxfi_eom = on_eom,
    .xxfi_close = on_close,
    .xxfi_negotiate = on_negotiate,
  };

  if (argc != 2)
    {
      fprintf (stderr, "usage: answer-milter SOCKET\n");
      return 2;
    }
  if (smfi_register (description) == MI_FAILURE || smfi_setconn (argv[1]) == MI_FAILURE)
    return 1;
  return smfi_main () == MI_SUCCESS ? 0 : 1;
}
