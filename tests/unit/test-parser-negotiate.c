/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-negotiate.c: the offer of a session, in names and numbers.
 */
#include <criterion/criterion.h>

#include "scenario-dump.h"

static const struct
{
  const char *arguments;
  const char *expected;
} offers[] = {
  { "", "" },
  { "version=6 actions=all steps=all", " version=6 actions=0x1ff steps=0x1fffff" },
  { "version=0xffffffff", " version=4294967295" },
  { "actions=none steps=none", " actions=0x0 steps=0x0" },
  { "actions=ADDHDRS,chgbody,ModBody,0x80000000", " actions=0x80000003" },
  { "steps=NR_HDR,NOHREPL,skip", " steps=0x480" },
  { "steps=-SKIP,+0x40000000", " steps+0x40000000-0x400" },
  { "actions=-all", " actions+0x0-0x1ff" },
  { "actions=\"ADDHDRS,CHGHDRS\"", " actions=0x11" },
  { "symbols=none", " symbols=none" },
  { "symbols-connect=\"j {client_addr}\" symbols-eoh=\"\" symbols-7=x symbols-7=x",
    " symbols-0=\"j {client_addr}\" symbols-6=\"\" symbols-7=x symbols-7=x" },
  { "symbols-eom=*", " symbols-5=\"\\*\"" },
  { "tail=\"\\0\\x01\"", " tail=\"\\0\\x01\"" },
  { "tail=", " tail=\"\"" },
};

Test (parser_negotiate, offers)
{
  for (gsize i = 0; i < G_N_ELEMENTS (offers); i++)
    {
      g_autofree char *text = g_strdup_printf ("session\nnegotiate %s\n", offers[i].arguments);
      g_autofree char *expected
          = g_strdup_printf ("session 1\n  negotiate%s\n", offers[i].expected);
      g_autofree char *got = dump_text ("t", text, strlen (text));

      cr_expect_str_eq (got, expected, "%s\n-- gave --\n%s", offers[i].arguments, got);
    }
}
