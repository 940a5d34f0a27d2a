/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-compare-rules.c: what the rules let pass, and what they do not.
 */
#include <criterion/criterion.h>

#include "milter-compare-private.h"

/* clang-format off */
static const struct
{
  const char *rules;
  const char *field; /* "" of none */
  const char *a, *b;
  const char *by;    /* NULL: they do not pass */
} texts[] = {
  { "dates", "", "Mon, 23 Nov 2026 02:08:50 +0000 (UTC)", "Tue, 24 Nov 2026 12:08:50 -0700 (PDT)", "dates" },
  { "dates", "", "23 Nov 2026 02:08 GMT", "1 Jan 2027 02:08 GMT", "dates" },
  { "dates", "", "Mon Nov 23 02:08:50 2026 x", "Tue Dec  1 02:08:51 UTC 2026 x", "dates" },
  { "dates", "", "at 2026-11-23T02:08:50.123Z", "at 2027-01-01 12:00:00+01:00", "dates" },
  { "dates", "", "Mon, 23 Nov 2026 02:08:50 +0000 yes", "Mon, 23 Nov 2026 02:08:50 +0000 no", NULL },
  { "dates", "", "score 1.2", "score 1.3", NULL },
  { "dates", "DKIM-Signature", "t=1", "t=2", NULL },
  { "ids", "Message-ID", "<1@a>", "<2@b>", "ids" },
  { "ids", "Received", "by mx (Postfix) with ESMTP id 4F1A2B3C; now", "by mx (Postfix) with ESMTP id 4F1A2B3D; now", "ids" },
  { "ids", "X-Id", "00000000-1111-2222-3333-444444444444", "00000000-1111-2222-3333-44444444444a", "ids" },
  { "ids", "X-Own", "message QUEUE-A", "message QUEUE-B", "ids" },
  { "ids", "X-Own", "message QUEUE-A", "message QUEUE-C", NULL },
  { "ids", "To", "<1@a>", "<2@b>", NULL },
  { "signatures", "DKIM-Signature", "v=1; a=rsa-sha256; d=a; s=x; t=1;\n\tbh=AAA=; b=B\n\t BB", "v=1; a=rsa-sha256; d=a; s=x; t=2; bh=CCC=;\n\tb=DDDDD", "signatures" },
  { "signatures", "DKIM-Signature", "v=1; a=rsa-sha256; d=a; b=B", "v=1; a=rsa-sha256; d=c; b=B", NULL },
  { "signatures", "DKIM-Signature", "v=1; d=a; h=from:to; b=B", "v=1; d=a; h=from; b=B", NULL },
  { "signatures", "arc-seal", "i=1; cv=none; t=1; b=X", "i=1; cv=none; t=2; b=Y", "signatures" },
  { "signatures", "ARC-Seal", "i=1; cv=none; t=1; b=X", "i=1; cv=fail; t=2; b=Y", NULL },
  { "signatures", "Authentication-Results", "mx; dkim=pass header.d=a header.b=xyz", "mx; dkim=pass header.d=a header.b=abc", "signatures" },
  { "signatures", "Authentication-Results", "mx; dkim=pass header.d=a header.b=xyz", "mx; dkim=fail header.d=a header.b=abc", NULL },
  { "signatures", "X-Other", "b=1", "b=2", NULL },
  { "keys", "DKIM-Signature", "v=1; a=rsa-sha256; d=a; s=x; b=B", "v=1; a=ed25519-sha256; d=a; s=y; b=B", "keys" },
  { "keys", "Authentication-Results", "mx; dkim=pass (2048-bit key; unprotected) header.d=a header.a=rsa-sha256 header.s=x", "mx; dkim=pass (1024-bit key; unprotected) header.d=a header.a=rsa-sha1 header.s=y", "keys" },
  { "hosts", "Authentication-Results", "one.example; spf=pass", "two.example; spf=pass", "hosts" },
  { "hosts", "ARC-Authentication-Results", "i=1; one; spf=pass", "i=1; two; spf=pass", "hosts" },
  { "hosts", "Authentication-Results", "one; spf=pass smtp.mailfrom=a.example", "one; spf=pass smtp.mailfrom=b.example", NULL },
  { "hosts", "X-Spam-Checker-Version", "SpamAssassin 4.0.0 (2022-12-14) on one", "SpamAssassin 4.0.0 (2022-12-14) on two", "hosts" },
  { "hosts", "X-Spam-Checker-Version", "SpamAssassin 4.0.0 (2022-12-14) on one", "SpamAssassin 4.0.1 (2022-12-14) on one", NULL },
  { "hosts", "", "scanned by one.example", "scanned by two.example.net", "hosts" },
  { "hosts", "", "refused by one policy", "refused by two policy", NULL },
  { "white-space", "X", "a  b\n\tc ", " a b c", "white-space" },
  { "white-space", "X", "ab", "a b", NULL },
  { "dates,ids", "Received", "id A; 23 Nov 2026 02:08 GMT", "id B; 24 Nov 2026 02:08 GMT", "dates,ids" },
  { "dates,ids", "Received", "id A; 23 Nov 2026 02:08 GMT", "id A; 24 Nov 2026 02:08 GMT", "dates" },
  { "dates,ids,signatures,keys,hosts,white-space", "X", "1", "2", NULL },
};

static const struct
{
  const char *names;
  bool heed;
  const char *error;
} wrong[] = {
  { "date", false, "\"date\" is no rule; there are: dates, ids, signatures, keys, hosts, white-space, header, edits, edit-order, reply-text, negotiation, mail, sent, end, latency, ports, holes" },
  { "", false, "\"\" is no rule; there are: dates, ids, signatures, keys, hosts, white-space, header, edits, edit-order, reply-text, negotiation, mail, sent, end, latency, ports, holes" },
  { "dates:x", false, "\"dates:x\": nothing may stand behind the colon of the rule dates" },
  { "header", false, "\"header\" lacks a NAME behind a colon: header:NAME" },
  { "header:", false, "\"header:\" lacks a NAME behind a colon: header:NAME" },
  { "edits:reject", false, "\"edits:reject\": reject is no edit, as add-header, replace-body or add-rcpt" },
  { "dates,x", false, "\"x\" is no rule; there are: dates, ids, signatures, keys, hosts, white-space, header, edits, edit-order, reply-text, negotiation, mail, sent, end, latency, ports, holes" },
  { "dates", true, "\"dates\" does not hold by default, and need not be taken back" },
};
/* clang-format on */

Test (compare_rules, texts_pass_by_the_rules_that_are_needed)
{
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
      GString *ids[] = { g_string_new ("QUEUE-A"), g_string_new ("QUEUE-B") };
      MilterRecordedMessage messages[] = { { .queue_id = ids[0] }, { .queue_id = ids[1] } };
      MilterCompareText a = { milter_bytes_from_string (texts[i].a), &messages[0] };
      MilterCompareText b = { milter_bytes_from_string (texts[i].b), &messages[1] };
      MilterBytes field = milter_bytes_from_string (texts[i].field);
      GString *by = g_string_new (NULL);

      cr_assert (milter_compare_rules_ignore (rules, texts[i].rules, /* error= */ NULL));
      cr_expect_eq (milter_compare_texts_pass (rules, field, &a, &b, by),
                    texts[i].by != NULL,
                    "row %zu: %s",
                    i,
                    texts[i].a);
      cr_expect_str_eq (by->str, texts[i].by != NULL ? texts[i].by : "", "row %zu", i);
      /* either way round, and never without the rule */
      cr_expect_eq (milter_compare_texts_pass (rules, field, &b, &a, /* by= */ NULL),
                    texts[i].by != NULL);
      for (guint side = 0; side < 2; side++)
        g_string_free (ids[side], TRUE);
      g_string_free (by, TRUE);
    }
}

Test (compare_rules, without_rules_nothing_passes)
{
  g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      MilterCompareText a = { milter_bytes_from_string (texts[i].a), NULL };
      MilterCompareText b = { milter_bytes_from_string (texts[i].b), NULL };

      cr_expect_not (milter_compare_texts_pass (
          rules, milter_bytes_from_string (texts[i].field), &a, &b, /* by= */ NULL));
    }
}

Test (compare_rules, unknown_names_are_told)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
      g_autoptr (GError) error = NULL;
      bool (*take) (MilterCompareRules *, const char *, GError **)
          = wrong[i].heed ? milter_compare_rules_heed : milter_compare_rules_ignore;

      cr_assert_not (take (rules, wrong[i].names, &error), "%s", wrong[i].names);
      cr_expect_str_eq (error->message, wrong[i].error);
    }
}

Test (compare_rules, each_row_can_be_named)
{
  gsize n;
  const MilterCompareRule *rows = milter_compare_rule_list (&n);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
      g_autofree char *name
          = g_strdup_printf ("%s%s", rows[i].name, rows[i].needs_argument ? ":x" : "");

      cr_expect (milter_compare_rules_ignore (rules, name, /* error= */ NULL), "%s", name);
      cr_expect_eq (milter_compare_rules_heed (rules, rows[i].name, /* error= */ NULL),
                    rows[i].is_default,
                    "%s",
                    name);
      cr_expect_gt (strlen (rows[i].summary), 10u);
    }
}

Test (compare_rules, fields_are_named_by_patterns)
{
  static const struct
  {
    const char *pattern, *name;
    bool matches;
  } rows[] = {
    { "x-spam", "X-Spam", true },
    { "X-Spam", "x-spam-score", false },
    { "X-Spam-*", "x-spam-score", true },
    { "X-Spam-*", "X-Spam", false },
    { "*", "any", true },
    { "*-id", "Message-ID", true },
    { "a*b*c", "AxxBxxBC", true },
    { "a*b*c", "AxxBxxB", false },
    { "a*", "", false },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
      g_autofree char *name = g_strdup_printf ("header:%s", rows[i].pattern);

      cr_assert (milter_compare_rules_ignore (rules, name, /* error= */ NULL));
      cr_expect_eq (milter_compare_ignores_header (rules, milter_bytes_from_string (rows[i].name)),
                    rows[i].matches,
                    "%s %s",
                    rows[i].pattern,
                    rows[i].name);
    }
}

Test (compare_rules, bytes_that_are_no_text_do_no_harm)
{
  static const char bytes[] = "id \xff\xfe\0 23 Nov 2026 02:08";
  g_autoptr (MilterCompareRules) rules = milter_compare_rules_new ();
  MilterCompareText a = { milter_bytes (bytes, sizeof bytes), NULL };
  MilterCompareText b = { milter_bytes ("\xff", 1), NULL };

  cr_assert (milter_compare_rules_ignore (
      rules, "dates,ids,signatures,keys,hosts,white-space", /* error= */ NULL));
  cr_expect_not (milter_compare_texts_pass (rules, b.text, &a, &b, /* by= */ NULL));
}
