/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-lint-rules.c: each rule has a session that breaks it, alone, and one that almost does; and
 * docs/lint.md is made of the rows.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lint-test.h"

#define DOCUMENT TEST_DATA_DIR "/../../docs/lint.md"
#define BEGIN    "<!-- rules -->\n"
#define END      "<!-- end of rules -->\n"

#define ALL       "000001ff"
#define ALL_STEPS "001fffff"
#define AGREED(steps) OFFER_OF (ALL, ALL_STEPS) ANSWER_OF (ALL, steps) ">C <c "
#define NR_HDR  "00000080"
#define NR_HELO "00002000"
#define NR_BODY "00080000"
#define LEADSPC "00100000"
#define A_MESSAGE ">M <c >R <c >T <c >N <c >E "
#define A_BODY    ">C <c >M <c >R <c >T <c >N <c >B "
#define STALL ">H +40 <c "

static const struct
{
  const char *id;
  const char *broken;
  const char *kept;
} cases[] = {
  /* frames */
  { "FRM-01", ">O <O garbage", ">O <O end" },
  { "FRM-01", ">O <O >Q end:2", ">O <O >Q end:0" },
  { "FRM-20", MESSAGE "<b:{65536}x <c", MESSAGE "<b:{65535}x <c" },
  { "FRM-20",
    OFFER_OF (ALL, "101fffff") ANSWER_OF (ALL, "10000000") ">C <c " A_MESSAGE "<b:{262144}x <c",
    OFFER_OF (ALL, "101fffff") ANSWER_OF (ALL, "10000000") ">C <c " A_MESSAGE "<b:{262143}x <c" },
  /* negotiation */
  { "NEG-01", ">O <c", ">O end" },
  { "NEG-01", ">O <O:#00000006#00000000", ">O <O:#00000006#00000000#00000000" },
  { "NEG-01", ">O <O:#00000001#00000000#00000000", ">O <O:#00000002#00000000#00000000" },
  { "NEG-03",
    ">O:#00000004#0000003f#0000037f <O:#00000006#00000000#00000000",
    ">O:#00000004#0000003f#0000037f <O:#00000004#00000000#00000000" },
  { "NEG-05",
    ">O:#00000007#000001ff#001fffff <O:#00000007#00000000#00000000",
    ">O:#00000007#000001ff#001fffff <O:#00000006#00000000#00000000" },
  { "NEG-07",
    OFFER_OF ("0000003f", ALL_STEPS) ANSWER_OF ("00000041", "00000000"),
    OFFER_OF ("0000003f", ALL_STEPS) ANSWER_OF ("00000001", "00000000") },
  { "NEG-08",
    OFFER_OF (ALL, "0000007f") ANSWER_OF (ALL, NR_HDR),
    OFFER_OF (ALL, "0000007f") ANSWER_OF (ALL, "00000040") },
  { "NEG-12",
    OFFER_OF (ALL, "0000007f") ANSWER_OF (ALL, "00000000") A_BODY "<s",
    OFFER_OF (ALL, "0000047f") ANSWER_OF (ALL, "00000400") A_BODY "<s" },
  { "NEG-14",
    OFFER_OF (ALL, "301fffff") ANSWER_OF (ALL, "30000000"),
    OFFER_OF (ALL, "301fffff") ANSWER_OF (ALL, "20000000") },
  { "NEG-14",
    OFFER_OF (ALL, "401fffff") ANSWER_OF (ALL, "40000000"),
    OFFER_OF (ALL, "401fffff") ANSWER_OF (ALL, "00100000") },
  { "NEG-23",
    ">O <O:#00000006#000001ff#00000000#00000007i~",
    ">O <O:#00000006#000001ff#00000000#00000006i~" },
  { "NEG-23",
    ">O <O:#00000006#000001ff#00000000#00000001i~#00000001j~",
    ">O <O:#00000006#000001ff#00000000#00000001i~#00000002j~" },
  { "NEG-23",
    ">O <O:#00000006#000001ff#00000000#00000001i",
    ">O <O:#00000006#000001ff#00000000#00000001~" },
  { "NEG-24",
    OFFER_OF ("000000ff", ALL_STEPS) "<O:#00000006#00000000#00000000#00000001i~",
    OFFER_OF ("000000ff", ALL_STEPS) "<O:#00000006#00000000#00000000" },
  /* replies */
  { "REP-01", ">O <O >C <z", ">O <O >C <t" },
  { "REP-02", ">O <O >C <c:x", ">O <O >C <c" },
  { "REP-02", MESSAGE "<p:~ <c", MESSAGE "<p <c" },
  { "REP-03", ">O <O >C <c <c", ">O <O >C >H <c <c" },
  { "REP-03", ENVELOPE ">A <c", ENVELOPE ">A >M <c" },
  { "REP-03", "<c", ">O <O" },
  /* a command that does not fit: what is due is unknown */
  { "REP-03", ENVELOPE ">Q <c", ENVELOPE ">B <c >Q <c" },
  { "REP-04", AGREED (NR_HELO) ">H <c >M <c", AGREED (NR_HELO) ">H >M <c" },
  { "REP-04", AGREED (NR_HELO) ">H >M <c <c", AGREED (NR_HELO) ">H >M >R <c <c" },
  { "HDR-13",
    AGREED (NR_HDR) ">M <c >R <c >T <c >L <c >N <c",
    AGREED (NR_HDR) ">M <c >R <c >T <c >L >N <c" },
  { "BOD-12",
    AGREED (NR_BODY) ">M <c >R <c >T <c >N <c >B <c",
    AGREED (NR_BODY) ">M <c >R <c >T <c >N <c >B >E <c" },
  { "CON-17", ">O <O >C <d", ">O <O >C <y" },
  { "UNK-06", ENVELOPE ">U <a", ENVELOPE ">U <r" },
  { "UNK-06", ">O <O >C <c >U <s", ">O <O >C <c >U <t" },
  { "UNK-11", ">O <O >C <c >U <d", ">O <O >C <c >U <c" },
  { "BOD-11", ENVELOPE ">T <c >L <s", ENVELOPE ">T <c >N <c >B <s" },
  { "EOM-07", MESSAGE "<s", MESSAGE "<d" },
  { "REP-05", ">O <O >C <c >H <d", ">O <O >C <c >H <a" },
  { "REP-05", ">O <O >C <c >H <O", ">O <O >C <c >H <c" },
  { "REP-06", ">O <O >C <f", ">O <O >C <r" },
  { "REP-06", MESSAGE "<l", MESSAGE "<t" },
  { "REP-07", ENVELOPE ">T <4", ENVELOPE ">T <y:421_4.7.0_bye~" },
  { "REP-08",
    ">O <O:#00000004#000001ff#00000000 >C <c >M <c >R <c >N <c >E <e <c",
    ">O <O:#00000004#000001ff#00000000 >C <c >M <c >R <c >N <c >E <+ <c" },
  { "REP-09",
    OFFER_OF (ALL, ALL_STEPS) ANSWER_OF (ALL, "00000000") A_BODY "<s",
    OFFER_OF (ALL, ALL_STEPS) ANSWER_OF (ALL, "00000400") A_BODY "<s" },
  { "REP-10", ENVELOPE ">T end", ENVELOPE "end" },
  { "REP-10", ENVELOPE ">T end", ENVELOPE ">T >Q end" },
  /* the end of the message */
  { "EOM-01", MESSAGE "<c <c", MESSAGE "<p <c" },
  { "EOM-02", MESSAGE "<c <h", MESSAGE "<h <c" },
  { "EOM-02", MESSAGE "<c <p", MESSAGE "<p <p <c" },
  { "MOD-01", ENVELOPE ">T <h <c", ENVELOPE ">T <c >N <c >E <h <c" },
  { "MOD-01", ENVELOPE "<q", ENVELOPE ">T <c >N <c >E <q <r" },
  { "MOD-02",
    OFFER_OF (ALL, ALL_STEPS) ANSWER_OF ("00000001", "00000000") ">C <c " A_MESSAGE "<q <c",
    OFFER_OF (ALL, ALL_STEPS) ANSWER_OF ("00000001", "00000000") ">C <c " A_MESSAGE "<i <h <c" },
  { "MOD-02",
    OFFER_OF (ALL, ALL_STEPS) ANSWER_OF ("00000004", "00000000") ">C <c " A_MESSAGE "<2 <c",
    OFFER_OF (ALL, ALL_STEPS) ANSWER_OF ("00000084", "00000000") ">C <c " A_MESSAGE "<2 <c" },
  /* header fields */
  { "MOD-03", MESSAGE "<h:X~v <c", MESSAGE "<h:X~v~ <c" },
  { "MOD-03", MESSAGE "<i:#00000001X~v~w~ <c", MESSAGE "<i:#00000001X~~ <c" },
  { "MOD-03", MESSAGE "<m:$00$00 <c", MESSAGE "<m:#00000001X~~ <c" },
  { "MOD-04", MESSAGE "<i:#80000000X~v~ <c", MESSAGE "<i:#7fffffffX~v~ <c" },
  { "MOD-05", MESSAGE "<h:~v~ <c", MESSAGE "<h:X~~ <c" },
  { "MOD-05", MESSAGE "<h:X:~v~ <c", MESSAGE "<h:X~:v~ <c" },
  { "MOD-05", MESSAGE "<m:#00000001X_Y~v~ <c", MESSAGE "<m:#00000001X-Y~v_w~ <c" },
  { "MOD-05", MESSAGE "<h:X$e4~v~ <c", MESSAGE "<h:X~$e4~ <c" },
  { "MOD-05", MESSAGE "<h:X^~v~ <c", MESSAGE "<h:X~v^_w~ <c" },
  { "MOD-06", MESSAGE "<h:X~a^b~ <c", MESSAGE "<h:X~a^$09b~ <c" },
  { "MOD-06", MESSAGE "<h:X~a^~ <c", MESSAGE "<h:X~a^_b~ <c" },
  { "MOD-07",
    MESSAGE "<m:#00000001A~~ <m:#00000002a~~ <c",
    MESSAGE "<m:#00000002A~~ <m:#00000001a~~ <c" },
  { "MOD-07",
    MESSAGE "<m:#00000001A~~ <m:#00000002A~new~ <c",
    MESSAGE "<m:#00000001A~~ <m:#00000001B~~ <c" },
  { "MOD-07",
    MESSAGE "<m:#00000001A~~ <m:#00000001A~~ <c",
    MESSAGE "<m:#00000001A~~ <c " A_MESSAGE "<m:#00000001A~~ <c" },
  { "MOD-13", AGREED (LEADSPC) A_MESSAGE "<h:X~v~ <c", AGREED (LEADSPC) A_MESSAGE "<h:X~_v~ <c" },
  { "EDT-01", MESSAGE "<h:X~a|^_b~ <c", MESSAGE "<h:X~a^_b~ <c" },
  { "EDT-02", MESSAGE "<h:X~a$01~ <c", MESSAGE "<h:X~a$09~ <c" },
  { "EDT-03", MESSAGE "<h:X~_v~ <c", MESSAGE "<h:X~v_~ <c" },
  { "EDT-04", MESSAGE "<h:X~{996}v~ <c", MESSAGE "<h:X~{995}v^_{997}v~ <c" },
  { "EDT-05", MESSAGE "<m:#00000000X~v~ <c", MESSAGE "<i:#00000000X~v~ <c" },
  /* body */
  { "MOD-08", MESSAGE "<b <h <b <c", MESSAGE "<h <b <b <h <c" },
  { "MOD-08", MESSAGE "<b <p <b <c", MESSAGE "<p <b <c " A_MESSAGE "<b <c" },
  { "MOD-09", MESSAGE "<b:a^ <c", MESSAGE "<b:a|^ <c" },
  { "MOD-09", MESSAGE "<b:a| <b:b <c", MESSAGE "<b:a| <b:^b <c" },
  /* envelope */
  { "MOD-10", MESSAGE "<+:~ <c", MESSAGE "<+:c@example.net~ <c" },
  { "MOD-10", MESSAGE "<e:<> <c", MESSAGE "<e:<>~ <c" },
  { "MOD-11", MESSAGE "<2:c@d~NOTIFY=NEVER~ORCPT=x~ <c", MESSAGE "<2:c@d~NOTIFY=NEVER_ORCPT=x~ <c" },
  { "MOD-11", MESSAGE "<+:c@d~NOTIFY=NEVER~ <c", MESSAGE "<2:c@d~ <c" },
  { "MOD-17", MESSAGE "<-:<B@example.net>~ <c", MESSAGE "<-:b@example.net~ <c" },
  { "MOD-17",
    MESSAGE "<c >M <c >R:<c@d>~ <c >T <c >N <c >E <-:<b@example.net>~ <c",
    MESSAGE "<+:<c@d>~ <-:<c@d>~ <c" },
  { "EDT-06", MESSAGE "<+:<a_b@c>~ <c", MESSAGE "<+:<\"a_b\"@c>~ <c" },
  { "EDT-06", MESSAGE "<+:<a@c~ <c", MESSAGE "<+:a@c~ <c" },
  { "EDT-06", MESSAGE "<e:a@c^~ <c", MESSAGE "<e:a@$c3$a4~ <c" },
  { "EDT-07", MESSAGE "<2:a@c~NOTIFIY=NEVER~ <c", MESSAGE "<2:a@c~notify=NEVER~ <c" },
  { "EDT-07", MESSAGE "<e:a@c~NOTIFY=NEVER~ <c", MESSAGE "<e:a@c~RET=HDRS_ENVID=x~ <c" },
  { "EDT-08", MESSAGE "<+:<>~ <c", MESSAGE "<e:<>~ <c" },
  { "MOD-12", MESSAGE "<q:~ <c", MESSAGE "<q:virus~ <c" },
  { "MOD-12", MESSAGE "<q:a^b~ <c", MESSAGE "<q:a_b~ <c" },
  { "MOD-12", MESSAGE "<q:virus <c", MESSAGE "<q:v~ <c" },
  /* reply texts */
  { "MOD-14", ENVELOPE ">T <y:550_5.7.1_no", ENVELOPE ">T <y:550_5.7.1_no~" },
  { "MOD-14", ENVELOPE ">T <y:250_2.0.0_ok~", ENVELOPE ">T <y:450_4.0.0_ok~" },
  { "MOD-14", ENVELOPE ">T <y:550~", ENVELOPE ">T <y:550_no~" },
  { "MOD-14", ENVELOPE ">T <y:550_100%_no~", ENVELOPE ">T <y:550_100%%_no~" },
  { "MOD-14", ENVELOPE ">T <y:550-a^550_b~", ENVELOPE ">T <y:550-a|^550_b~" },
  { "MOD-14", ENVELOPE ">T <y:550-a|^450_b~", ENVELOPE ">T <y:450-a|^450_b~" },
  { "MOD-14", ENVELOPE ">T <y:550_a|^550_b~", ENVELOPE ">T <y:550-5.7.1_a|^550_5.7.1_b~" },
  { "MOD-15", ENVELOPE ">T <y:550_4.7.1_no~", ENVELOPE ">T <y:450_4.7.1_no~" },
  { "MOD-16", ENVELOPE ">T <y:550_{507}x~", ENVELOPE ">T <y:550_{506}x~" },
  { "MOD-16", ENVELOPE ">T <y:550_{981}x~", ENVELOPE ">T <y:550-{506}x|^550_{506}x~" },
  { "EDT-09", ENVELOPE ">T <y:550_n$f6~", ENVELOPE ">T <y:550_n$09o~" },
  /* time */
  { "TMO-04", MESSAGE "+10001 <h <c", MESSAGE "+10000 <p +10000 <c" },
  { "TMO-04",
    MESSAGE "{<p}",
    MESSAGE "+9000 <p +9000 <c" },
  { "TMO-05", ENVELOPE ">T <p <c", ENVELOPE ">T <c >N <c >E <p <c" },
  { "TMO-06", ENVELOPE ">T +10001 <c", ENVELOPE ">T +10000 <c" },
  { "TCP-01", ">O <O >C <c " STALL STALL STALL, ">O <O >C <c " STALL STALL },
  /* one that works for some time */
  { "TCP-01",
    ">O <O >C <c " STALL STALL STALL ">H +34 <c",
    ">O <O >C <c " STALL STALL STALL ">H +34 <c >H +51 <c >H +90 <c" },
  /* where a delayed acknowledgement begins and ends */
  { "TCP-01", ">O <O >C +35 <c >H +35 <c >H +35 <c", ">O <O >C +34 <c >H +35 <c >H +35 <c" },
  { "TCP-01", ">O <O >C +50 <c >H +50 <c >H +50 <c", ">O <O >C +51 <c >H +50 <c >H +50 <c" },
  /* and what is near enough to it to be work */
  { "TCP-01",
    ">O <O >C <c " STALL STALL STALL ">H +15 <c >H +14 <c >H +100 <c",
    ">O <O >C <c " STALL STALL STALL ">H +15 <c >H +15 <c >H +100 <c" },
  { "TCP-01",
    ">O <O >C <c " STALL STALL STALL ">H +15 <c >H +101 <c >H +100 <c",
    ">O <O >C <c " STALL STALL STALL ">H +34 <c >H +100 <c >H +51 <c" },
  /* how long the MTA takes does not count */
  { "TCP-01", MESSAGE "+40 <p +40 <p +40 <c", MESSAGE "+40 <p +40 <c +40 >A +40 >M <c" },
};

/* the second case of TMO-04: progress for five minutes */
static char *
expand (const char *talk)
{
  GString *text = g_string_new (talk);

  if (g_str_has_suffix (talk, "{<p}"))
    {
      g_string_truncate (text, text->len - 4);
      for (guint i = 0; i < 31; i++)
        g_string_append (text, "+9700 <p ");
      g_string_append (text, "<c");
    }
  return g_string_free (text, FALSE);
}

static char *
run (const char *talk)
{
  const gboolean over_tcp = TRUE;
  g_autoptr (MilterLint) lint = milter_lint_new (1, &over_tcp);
  g_autofree char *whole = expand (talk);

  lint_talk (lint, 0, whole);
  milter_lint_finish (lint);
  return lint_rules (lint);
}

Test (lint_rules, each_case_breaks_its_rule_alone_and_almost_does)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *broken = run (cases[i].broken);
      g_autofree char *kept = run (cases[i].kept);

      cr_expect_str_eq (broken, cases[i].id, "%s: %s", cases[i].broken, broken);
      cr_expect_str_empty (kept, "%s: %s", cases[i].kept, kept);
    }
}

static bool
has_case (const char *id)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    if (strcmp (cases[i].id, id) == 0)
      return true;
  return false;
}

Test (lint_rules, each_rule_is_told_in_words_and_has_a_case_and_an_id_of_its_own)
{
  g_autoptr (GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal);
  const MilterLintRule *rule;

  for (guint i = 0; (rule = milter_lint_get_rule (i)) != NULL; i++)
    {
      cr_expect (g_regex_match_simple ("^[A-Z]{3}-[0-9]{2}$", rule->id, 0, 0), "%s", rule->id);
      cr_expect (g_hash_table_add (ids, (gpointer) rule->id), "%s stands twice", rule->id);
      cr_expect (rule->summary != NULL && *rule->summary != '\0', "%s has no summary", rule->id);
      cr_expect (rule->effect != NULL && *rule->effect != '\0', "%s has no effect", rule->id);
      cr_expect (rule->source != NULL && *rule->source != '\0', "%s has no source", rule->id);
      cr_expect (has_case (rule->id), "%s has no case", rule->id);
    }
  cr_expect_gt (g_hash_table_size (ids), 50);
}

static char *
make_table (void)
{
  GString *text = g_string_new ("| rule | | what a milter does | what comes of it otherwise | source |\n"
                                "|---|---|---|---|---|\n");
  const MilterLintRule *rule;

  for (guint i = 0; (rule = milter_lint_get_rule (i)) != NULL; i++)
    {
      bool ours = g_ascii_isdigit (rule->source[0]);

      g_string_append_printf (text,
                              "| %s | %s | %s | %s | %s%s |\n",
                              rule->id,
                              milter_lint_severity_to_string (rule->severity),
                              rule->summary,
                              rule->effect,
                              ours ? "protocol " : "",
                              rule->source);
    }
  return g_string_free (text, FALSE);
}

/* with MILTERLAB_UPDATE=1 the document is rewritten */
Test (lint_rules, the_document_holds_the_rows)
{
  g_autofree char *table = make_table ();
  g_autofree char *document = NULL;
  g_autofree char *updated = NULL;
  const char *begin, *end;

  cr_assert (g_file_get_contents (DOCUMENT, &document, NULL, NULL));
  begin = strstr (document, BEGIN);
  end = strstr (document, END);
  cr_assert (begin != NULL && end > begin);
  begin += strlen (BEGIN);
  updated = g_strdup_printf ("%.*s%s%s", (int) (begin - document), document, table, end);
  if (getenv ("MILTERLAB_UPDATE") != NULL)
    cr_assert (g_file_set_contents (DOCUMENT, updated, -1, NULL));
  else
    cr_expect_str_eq (document, updated, "docs/lint.md is not what the rows say; MILTERLAB_UPDATE=1 rewrites it");
}
