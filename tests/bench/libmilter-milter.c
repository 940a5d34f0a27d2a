/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libmilter-milter.c: a milter on libmilter that has a callback for each event and lets all pass.
 *
 * usage: libmilter-milter SPEC; says "listening" when it does.
 */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <sysexits.h>

static size_t n_bytes;

static sfsistat
on_connect (SMFICTX *context, char *host, _SOCK_ADDR *address)
{
  n_bytes += (unsigned char) host[0];
  return SMFIS_CONTINUE;
}

static sfsistat
on_text (SMFICTX *context, char *text)
{
  n_bytes += (unsigned char) text[0];
  return SMFIS_CONTINUE;
}

static sfsistat
on_unknown (SMFICTX *context, const char *text)
{
  n_bytes += (unsigned char) text[0];
  return SMFIS_CONTINUE;
}

static sfsistat
on_address (SMFICTX *context, char **arguments)
{
  n_bytes += (unsigned char) arguments[0][0];
  return SMFIS_CONTINUE;
}

static sfsistat
on_header (SMFICTX *context, char *name, char *value)
{
  n_bytes += (unsigned char) name[0] + (unsigned char) value[0];
  return SMFIS_CONTINUE;
}

static sfsistat
on_event (SMFICTX *context)
{
  n_bytes++;
  return SMFIS_CONTINUE;
}

static sfsistat
on_body (SMFICTX *context, unsigned char *data, size_t size)
{
  n_bytes += size;
  return SMFIS_CONTINUE;
}

int
main (int argc, char **argv)
{
  static char name[] = "libmilter-milter";
  struct smfiDesc milter = {
    .xxfi_name = name,
    .xxfi_version = SMFI_VERSION,
    .xxfi_connect = on_connect,
    .xxfi_helo = on_text,
    .xxfi_envfrom = on_address,
    .xxfi_envrcpt = on_address,
    .xxfi_header = on_header,
    .xxfi_eoh = on_event,
    .xxfi_body = on_body,
    .xxfi_eom = on_event,
    .xxfi_abort = on_event,
    .xxfi_close = on_event,
    .xxfi_unknown = on_unknown,
    .xxfi_data = on_event,
  };

  if (argc != 2)
    {
      fprintf (stderr, "usage: libmilter-milter SPEC\n");
      return EX_USAGE;
    }
  if (smfi_setconn (argv[1]) != MI_SUCCESS || smfi_register (milter) != MI_SUCCESS
      || smfi_opensocket (0) != MI_SUCCESS)
    return EX_UNAVAILABLE;
  printf ("listening\n");
  fflush (stdout);
  return smfi_main ();
}
