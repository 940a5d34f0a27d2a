/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * footer-milter.c: a small milter as people write them with libmilter (Debian: libmilter-dev).
 *
 *   cc -o footer-milter footer-milter.c -lmilter -lpthread
 *   footer-milter SOCKET
 *
 * Text from users who have logged in (macro {auth_authen}) gets a footer, and X-Sent-By on top. Fields
 * that begin with X-Internal- never leave the house. Nobody may log in and write in another's name.
 * Attachments that end in .exe are put aside, clients that greet as localhost sent away, messages
 * announced as larger than a megabyte refused, and large bodies not looked at.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libmilter/mfapi.h>

#define MAX_BODY 100000
#define FOOTER "-- \r\nSent from example.com\r\n"

struct mail
{
  char *user;          /* who has logged in; NULL: nobody */
  char *body;
  size_t body_size;
  int n_internal;      /* fields X-Internal-Note */
  int is_text, is_program, is_large;
};

static struct mail *
mail_of (SMFICTX *ctx)
{
  struct mail *mail = smfi_getpriv (ctx);

  if (mail == NULL && (mail = calloc (1, sizeof *mail)) != NULL)
    smfi_setpriv (ctx, mail);
  return mail;
}

/* The end of a message, however it ends: nothing of it is left for the next. */
static void
forget (SMFICTX *ctx)
{
  struct mail *mail = smfi_getpriv (ctx);

  if (mail == NULL)
    return;
  free (mail->user);
  free (mail->body);
  free (mail);
  smfi_setpriv (ctx, NULL);
}

static sfsistat
on_helo (SMFICTX *ctx, char *name)
{
  if (strcasecmp (name, "localhost") != 0)
    return SMFIS_CONTINUE;
  smfi_setreply (ctx, "550", "5.7.1", "you are not localhost");
  return SMFIS_REJECT;
}

static sfsistat
on_mail (SMFICTX *ctx, char **arguments)
{
  const char *user = smfi_getsymval (ctx, "{auth_authen}");
  struct mail *mail;

  forget (ctx);
  mail = mail_of (ctx);
  if (mail == NULL)
    return SMFIS_TEMPFAIL;

  for (char **argument = arguments + 1; *argument != NULL; argument++)
    if (strncasecmp (*argument, "SIZE=", 5) == 0 && atol (*argument + 5) > 1024 * 1024)
      {
        smfi_setmlreply (ctx, "552", "5.3.4", "a megabyte is enough for anybody", "send a link instead", NULL);
        return SMFIS_REJECT;
      }

  mail->is_text = 1;
  mail->user = user != NULL ? strdup (user) : NULL;
  if (user != NULL && strstr (arguments[0], user) == NULL)
    {
      smfi_setreply (ctx, "553", "5.7.1", "that is not your address");
      return SMFIS_REJECT;
    }
  return SMFIS_CONTINUE;
}

static sfsistat
on_header (SMFICTX *ctx, char *name, char *value)
{
  struct mail *mail = mail_of (ctx);

  if (strcasecmp (name, "X-Internal-Note") == 0)
    mail->n_internal++;
  else if (strcasecmp (name, "Content-Type") == 0)
    mail->is_text = strncasecmp (value, "text/plain", 10) == 0;
  return SMFIS_CONTINUE;
}

static sfsistat
on_body (SMFICTX *ctx, unsigned char *chunk, size_t size)
{
  struct mail *mail = mail_of (ctx);
  char *body;

  if (mail->body_size + size > MAX_BODY)
    {
      mail->is_large = 1;
      return SMFIS_SKIP;
    }
  body = realloc (mail->body, mail->body_size + size + sizeof FOOTER);
  if (body == NULL)
    return SMFIS_TEMPFAIL;
  memcpy (body + mail->body_size, chunk, size);
  mail->body = body;
  mail->body_size += size;
  mail->body[mail->body_size] = '\0';
  mail->is_program = mail->is_program || strstr (mail->body, ".exe\"\r\n") != NULL;
  return SMFIS_CONTINUE;
}

static sfsistat
on_end (SMFICTX *ctx)
{
  struct mail *mail = mail_of (ctx);

  for (; mail->n_internal > 0; mail->n_internal--)
    smfi_chgheader (ctx, "X-Internal-Note", mail->n_internal, NULL);
  if (mail->user != NULL)
    smfi_insheader (ctx, 0, "X-Sent-By", mail->user);
  if (mail->user != NULL && mail->is_text && !mail->is_large && mail->body != NULL)
    {
      memcpy (mail->body + mail->body_size, FOOTER, sizeof FOOTER - 1);
      smfi_replacebody (ctx, (unsigned char *) mail->body, (int) (mail->body_size + sizeof FOOTER - 1));
    }
  if (mail->is_program)
    smfi_quarantine (ctx, "a program is attached");
  forget (ctx);
  return SMFIS_CONTINUE;
}

static sfsistat
on_abort (SMFICTX *ctx)
{
  forget (ctx);
  return SMFIS_CONTINUE;
}

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
  (void) ctx;
  (void) unused_2;
  (void) unused_3;
  *want_actions = actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_QUARANTINE);
  *want_steps = steps & (SMFIP_SKIP | SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NOCONNECT);
  *want_2 = *want_3 = 0;
  return SMFIS_CONTINUE;
}

int
main (int argc, char **argv)
{
  static struct smfiDesc description = {
    .xxfi_name = "footer-milter",
    .xxfi_version = SMFI_VERSION,
    .xxfi_negotiate = on_negotiate,
    .xxfi_helo = on_helo,
    .xxfi_envfrom = on_mail,
    .xxfi_header = on_header,
    .xxfi_body = on_body,
    .xxfi_eom = on_end,
    .xxfi_abort = on_abort,
    .xxfi_close = on_abort,
  };

  if (argc != 2)
    {
      fprintf (stderr, "usage: footer-milter SOCKET\n");
      return 2;
    }
  if (smfi_register (description) != MI_SUCCESS || smfi_setconn (argv[1]) != MI_SUCCESS)
    return 1;
  return smfi_main () == MI_SUCCESS ? 0 : 1;
}
