/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-macros.c: how long macros live. Numbers are those of the conformance cases.
 */
#include <criterion/criterion.h>

#include <milter/core.h>

#define SET(macros, command, pairs)                                                                \
  milter_macros_set (macros, command, milter_bytes (pairs, sizeof (pairs) - 1))

static void
check (MilterMacros *macros, guint8 command, const char *name, const char *expected)
{
  const char *value = milter_macros_lookup (macros, command, name);

  if (expected == NULL)
    cr_assert_null (value, "%c %s is %s", command, name, value);
  else
    {
      cr_assert_not_null (value, "%c %s is absent", command, name);
      cr_assert_str_eq (value, expected);
    }
}

static void
play (MilterMacros *macros, const char *commands)
{
  for (; *commands != '\0'; commands++)
    milter_macros_command (macros, *commands);
}

Test (macros, names_are_one_with_and_without_braces)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-08 */
  SET (macros,
       'C',
       "j\0mx\0{daemon_name}\0d\0{v}\0"
       "5\0");
  check (macros, 'C', "j", "mx");
  check (macros, 'C', "{j}", "mx");
  check (macros, 'C', "daemon_name", "d");
  check (macros, 'C', "{daemon_name}", "d");
  check (macros, 'C', "v", "5");
  check (macros, 'C', "{}", NULL);
  check (macros, 'C', "", NULL);
  check (macros, 'C', "{j", NULL);
  check (macros, 'C', "J", NULL);
}

Test (macros, connect_macros_live_to_the_end)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-09 */
  SET (macros, 'C', "j\0mx\0");
  play (macros, "CHMRTLNBE");
  check (macros, 'E', "j", "mx");
  play (macros, "AMRTNE");
  check (macros, 'E', "j", "mx");
}

Test (macros, messages_have_their_own)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-10, MAC-13 */
  SET (macros, 'M', "{mail_addr}\0a@example.com\0");
  play (macros, "M");
  SET (macros, 'R', "{rcpt_addr}\0b@example.net\0");
  play (macros, "RTLNBE");
  check (macros, 'E', "mail_addr", "a@example.com");
  check (macros, 'E', "rcpt_addr", "b@example.net");
  SET (macros, 'M', "{mail_addr}\0c@example.com\0");
  play (macros, "M");
  check (macros, 'M', "mail_addr", "c@example.com");
  check (macros, 'E', "rcpt_addr", NULL);
}

Test (macros, the_end_of_a_message_still_sees_all_of_it)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  SET (macros, 'M', "i\0A1\0");
  play (macros, "MRTN");
  SET (macros, 'E', "{msg_id}\0<1@x>\0");
  play (macros, "E");
  check (macros, 'E', "i", "A1");
  check (macros, 'E', "msg_id", "<1@x>");
  /* and the next thing that comes does not */
  play (macros, "M");
  check (macros, 'M', "i", NULL);
  check (macros, 'E', "msg_id", NULL);
}

Test (macros, what_is_absent_is_absent)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-11, MAC-17 */
  check (macros, 'M', "i", NULL);
  play (macros, "CHMR");
  check (macros, 'R', "i", NULL);
  SET (macros, 'R', "i\0A1\0");
  play (macros, "R");
  check (macros, 'R', "i", "A1");
}

Test (macros, recipients_have_their_own)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-12 */
  play (macros, "CHM");
  SET (macros, 'R', "{rcpt_addr}\0b\0");
  play (macros, "R");
  check (macros, 'R', "rcpt_addr", "b");
  SET (macros, 'R', "{rcpt_addr}\0c\0");
  play (macros, "R");
  check (macros, 'R', "rcpt_addr", "c");
  play (macros, "TNE");
  check (macros, 'E', "rcpt_addr", "c");
}

Test (macros, a_second_set_replaces_the_first)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-14 */
  SET (macros, 'M', "i\0A1\0{mail_addr}\0a\0");
  SET (macros, 'M', "i\0A2\0");
  play (macros, "M");
  check (macros, 'M', "i", "A2");
  check (macros, 'M', "mail_addr", NULL);
}

Test (macros, sets_of_suppressed_commands_are_usable_later)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-15: all commands suppressed but the end of message */
  SET (macros, 'C', "j\0mx\0");
  SET (macros, 'H', "{cipher}\0x\0");
  SET (macros, 'M', "{mail_addr}\0a\0");
  SET (macros, 'R', "{rcpt_addr}\0b\0");
  play (macros, "E");
  check (macros, 'E', "j", "mx");
  check (macros, 'E', "mail_addr", "a");
  check (macros, 'E', "rcpt_addr", "b");
  SET (macros, 'M', "{mail_addr}\0c\0");
  play (macros, "E");
  check (macros, 'E', "mail_addr", "c");
  check (macros, 'E', "rcpt_addr", NULL);
}

Test (macros, commands_clear_later_stages_and_not_their_own)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-18 */
  SET (macros, 'M', "i\0A1\0");
  SET (macros, 'H', "{cipher}\0x\0");
  play (macros, "H");
  check (macros, 'E', "cipher", "x");
  check (macros, 'E', "i", NULL);
}

Test (macros, abort_and_a_second_mail_leave_nothing_behind)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-22 */
  SET (macros, 'C', "j\0mx\0");
  SET (macros, 'H', "{cipher}\0x\0");
  SET (macros, 'M', "i\0A1\0");
  play (macros, "MAM");
  check (macros, 'M', "i", NULL);
  check (macros, 'M', "j", "mx");
  check (macros, 'M', "cipher", "x");
  /* refused at MAIL, and no ABORT (sendmail) */
  SET (macros, 'M', "i\0A2\0");
  play (macros, "M");
  check (macros, 'M', "i", "A2");
  play (macros, "M");
  check (macros, 'M', "i", NULL);
}

Test (macros, later_stages_shadow_earlier_ones)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  SET (macros, 'M', "i\0M\0");
  play (macros, "M");
  SET (macros, 'E', "i\0E\0");
  check (macros, 'M', "i", "M");
  check (macros, 'N', "i", "M");
  check (macros, 'E', "i", "E");
}

Test (macros, sets_of_header_body_and_unknown_are_kept_too)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  /* MAC-03; Postfix sends them */
  play (macros, "CHM");
  SET (macros, 'U', "i\0U\0");
  play (macros, "U");
  check (macros, 'U', "i", "U");
  play (macros, "R");
  check (macros, 'U', "i", NULL);
  SET (macros, 'L', "i\0L\0");
  SET (macros, 'B', "i\0B\0");
  check (macros, 'T', "i", NULL);
  check (macros, 'L', "i", "L");
  check (macros, 'N', "i", "L");
  check (macros, 'B', "i", "B");
  check (macros, 'E', "i", "B");
  /* commands without a stage see all; letters without one keep nothing (MAC-04) */
  check (macros, 'A', "i", "B");
  SET (macros, 'Z', "z\0z\0");
  SET (macros, '\0', "z\0z\0");
  check (macros, 'A', "z", NULL);
}

Test (macros, odd_sets_are_read_within_their_bounds)
{
  static const struct
  {
    const char *pairs;
    gsize size;
    const char *expected;
  } cases[] = {
    { "", 0, NULL },                              /* MAC-02 */
    { "i\0", 2, NULL },                           /* MAC-06: a name alone */
    { "i", 1, NULL },         { "i\0A", 3, "A" }, /* no final NUL */
    { "i\0\0", 3, "" },                           /* MAC-07 */
    { "a\0b\0i\0", 6, NULL }, { "i\0first\0i\0second\0", 17, "first" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (MilterMacros) macros = milter_macros_new ();
      g_autofree guint8 *exact = g_memdup2 (cases[i].pairs, cases[i].size);

      milter_macros_set (macros, 'M', milter_bytes (exact, cases[i].size));
      check (macros, 'M', "i", cases[i].expected);
      check (macros, 'M', "x", NULL);
      cr_assert_eq (milter_macros_get_stage (macros, 'M').size, cases[i].size);
    }
}

Test (macros, one_macro_is_set_and_taken_out_in_the_form_of_the_wire)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  milter_macros_set_one (macros, 'M', "i", "A1");
  milter_macros_set_one (macros, 'M', "mail_addr", "a@b");
  milter_macros_set_one (macros, 'M', "{mail_host}", "");
  milter_macros_set_one (macros, 'M', "", "x");
  milter_macros_set_one (macros, 'Q', "x", "x");
  milter_macros_set_one (macros, 'M', "{i}", "A2");
  milter_macros_set_one (macros, 'M', "{mail_addr}", NULL);
  cr_assert (milter_bytes_equal (milter_macros_get_stage (macros, 'M'),
                                 (MilterBytes) MILTER_BYTES_INIT ("{mail_host}\0\0i\0A2\0")));
  cr_assert_eq (milter_macros_get_stage (macros, 'R').size, 0);
  cr_assert_eq (milter_macros_get_stage (macros, 'Q').size, 0);
}

Test (macros, a_new_session_knows_nothing_of_the_old_one)
{
  static const char enders[] = "KOQ";

  for (const char *ender = enders; *ender != '\0'; ender++)
    {
      g_autoptr (MilterMacros) macros = milter_macros_new ();

      /* QNC-06 */
      SET (macros, 'C', "j\0mx\0");
      play (macros, "C");
      milter_macros_command (macros, *ender);
      check (macros, 'E', "j", NULL);
    }
}

Test (macros, cleared_means_empty)
{
  g_autoptr (MilterMacros) macros = milter_macros_new ();

  SET (macros, 'C', "j\0mx\0");
  milter_macros_clear (macros);
  check (macros, 'E', "j", NULL);
  milter_macros_free (NULL);
}
