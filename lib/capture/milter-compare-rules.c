/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-compare-rules.c: what is no difference: the table of rules, and which of them let two
 * texts pass.
 */
#include "milter-compare-private.h"

#include <string.h>

/* clang-format off */
static const MilterCompareRule rules_list[] = {
  { "dates",       NULL,   false, false, "dates with their time, as mails, logs and ISO 8601 write them" },
  { "ids",         NULL,   false, false, "the message's own queue id and Message-ID, words behind `id`, UUIDs" },
  { "signatures",  NULL,   false, false, "b=, bh=, t= and x= of DKIM and ARC signatures, header.b= of Authentication-Results" },
  { "keys",        NULL,   false, false, "s= and a= of DKIM and ARC signatures; header.s=, header.a= and the key in Authentication-Results" },
  { "hosts",       NULL,   false, false, "who made Authentication-Results; hosts behind `from`, `by`, `on` and `at`" },
  { "white-space", NULL,   false, false, "how much white space there is, and where fields are folded" },
  { "header",      "NAME", true,  false, "the field NAME (* is any run of characters), in edits and mails" },
  { "edits",       "WORD", false, false, "edits, or those of one kind, as `edits:add-header`; what they make of the mail is compared" },
  { "edit-order",  NULL,   false, true,  "in which order edits come that make the same mail" },
  { "reply-text",  NULL,   false, false, "the text of an SMTP reply behind its code" },
  { "negotiation", NULL,   false, false, "what the milter answers to the offer" },
  { "mail",        NULL,   false, false, "the mail that the edits make" },
  { "sent",        NULL,   false, false, "what the MTA sent" },
  { "end",         NULL,   false, false, "how sessions and messages end, and what is said unasked" },
  { "latency",     NULL,   false, true,  "how long an answer took; else more than twice as long, and 10 ms, is a difference" },
  { "ports",       NULL,   false, true,  "the port of the SMTP client" },
  { "holes",       NULL,   false, false, "what cannot be compared because a recording lacks a part of it" },
};
/* clang-format on */

/* the parts of a text that a rule leaves out */
typedef struct
{
  MilterCompareRuleBit rule;
  const char *fields; /* (nullable) names in lower case, each between blanks; NULL: any text */
  const char *regex;
  const char *replacement;
} TextRow;

#define SIGNATURES                                                                                 \
  " dkim-signature arc-message-signature arc-seal domainkey-signature x-google-dkim-signature "
#define RESULTS " authentication-results arc-authentication-results "
#define DAY     "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
#define MONTH   "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
#define TIME    "\\d\\d?:\\d\\d(?::\\d\\d)?"

/* In this order. White space comes last: patterns before it see the text as it is. */
/* clang-format off */
static const TextRow text_rows[] = {
  /* RFC 5322, and its time zones in words; asctime(); ISO 8601 */
  { MILTER_RULE_DATES, NULL, "(?:" DAY ",?\\s+)?\\b\\d{1,2}\\s+" MONTH "\\s+\\d{2,4}\\s+" TIME "(?:\\s+(?:[+-]\\d{4}|[A-Z]{1,5}\\b))?(?:\\s+\\([A-Za-z0-9+-]{1,8}\\))?", "<date>" },
  { MILTER_RULE_DATES, NULL, DAY "\\s+" MONTH "\\s+\\d{1,2}\\s+" TIME "(?:\\s+[A-Z]{1,5})?(?:\\s+\\d{4})?", "<date>" },
  { MILTER_RULE_DATES, NULL, "\\b\\d{4}-\\d\\d-\\d\\d(?:[T ]" TIME "(?:[.,]\\d+)?(?:Z|[+-]\\d\\d:?\\d\\d)?)?", "<date>" },
  { MILTER_RULE_IDS, " message-id resent-message-id in-reply-to references ", "<[^<>]*>", "<id>" },
  { MILTER_RULE_IDS, NULL, "\\bid\\s+[^\\s;,()]+", "id <id>" },
  { MILTER_RULE_IDS, NULL, "\\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\\b", "<id>" },
  { MILTER_RULE_SIGNATURES, SIGNATURES, "((?:^|;)\\s*(?:b|bh|t|x)\\s*=)[^;]*", "\\1" },
  { MILTER_RULE_SIGNATURES, RESULTS, "(\\bheader\\.b=)[^\\s;]*", "\\1" },
  { MILTER_RULE_KEYS, SIGNATURES, "((?:^|;)\\s*(?:s|a)\\s*=)[^;]*", "\\1" },
  { MILTER_RULE_KEYS, RESULTS, "(\\bheader\\.[sa]=)[^\\s;]*", "\\1" },
  { MILTER_RULE_KEYS, RESULTS, "\\b(?:\\d+|no)[ -](?:bit|key)\\b[^;)]*", "<key>" },
  /* the same key and the same text may be folded elsewhere */
  { MILTER_RULE_SIGNATURES, SIGNATURES, "\\s+", "" },
  { MILTER_RULE_HOSTS, RESULTS, "^(\\s*(?:i=\\d+;\\s*)?)[^\\s;]+", "\\1<host>" },
  { MILTER_RULE_HOSTS, " received x-received x-spam-checker-version x-virus-scanned x-virus-status ", "\\b(from|by|on|at)\\s+[^\\s;,()]+", "\\1 <host>" },
  { MILTER_RULE_HOSTS, NULL, "\\b(from|by|on|at)\\s+[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)+", "\\1 <host>" },
  { MILTER_RULE_WHITE_SPACE, NULL, "^\\s+|\\s+$", "" },
  { MILTER_RULE_WHITE_SPACE, NULL, "\\s+", " " },
};
/* clang-format on */

/* a queue id or Message-ID that is shorter may stand in any text by chance */
#define MIN_ID 4u

const MilterCompareRule *
milter_compare_rule_list (gsize *n_rules)
{
  *n_rules = G_N_ELEMENTS (rules_list);
  return rules_list;
}

MilterCompareRules *
milter_compare_rules_new (void)
{
  MilterCompareRules *rules = g_new0 (MilterCompareRules, 1);

  rules->headers = g_ptr_array_new_with_free_func (g_free);
  rules->edits = g_ptr_array_new_with_free_func (g_free);
  rules->regexes = g_new0 (GRegex *, G_N_ELEMENTS (text_rows));
  for (gsize i = 0; i < G_N_ELEMENTS (rules_list); i++)
    if (rules_list[i].is_default)
      rules->bits |= 1u << i;
  for (gsize i = 0; i < G_N_ELEMENTS (text_rows); i++)
    {
      rules->regexes[i] = g_regex_new (text_rows[i].regex,
                                       G_REGEX_RAW | G_REGEX_OPTIMIZE,
                                       /* match_options= */ 0,
                                       /* error= */ NULL);
      g_assert (rules->regexes[i] != NULL);
    }
  return rules;
}

void
milter_compare_rules_free (MilterCompareRules *rules)
{
  if (rules == NULL)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (text_rows); i++)
    g_regex_unref (rules->regexes[i]);
  g_free (rules->regexes);
  g_ptr_array_unref (rules->headers);
  g_ptr_array_unref (rules->edits);
  g_free (rules);
}

/* --- by name
 * ------------------------------------------------------------------------------------------- */

/* the row of `NAME` or `NAME:ARGUMENT`; -1 with @error */
static int
find_rule (const char *text, const char **argument, GError **error)
{
  const char *colon = strchr (text, ':');
  gsize size = colon != NULL ? (gsize) (colon - text) : strlen (text);
  g_autoptr (GString) names = g_string_new (NULL);

  *argument = colon != NULL && colon[1] != '\0' ? colon + 1 : NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (rules_list); i++)
    {
      const MilterCompareRule *rule = &rules_list[i];

      g_string_append_printf (names, "%s%s", i > 0 ? ", " : "", rule->name);
      if (strlen (rule->name) != size || strncmp (rule->name, text, size) != 0)
        continue;
      if (rule->argument == NULL && colon != NULL)
        g_set_error (error,
                     G_OPTION_ERROR,
                     G_OPTION_ERROR_BAD_VALUE,
                     "\"%s\": nothing may stand behind the colon of the rule %s",
                     text,
                     rule->name);
      else if (*argument == NULL && (rule->needs_argument || colon != NULL))
        g_set_error (error,
                     G_OPTION_ERROR,
                     G_OPTION_ERROR_BAD_VALUE,
                     "\"%s\" lacks a %s behind a colon: %s:%s",
                     text,
                     rule->argument,
                     rule->name,
                     rule->argument);
      else
        return (int) i;
      return -1;
    }
  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_BAD_VALUE,
               "\"%s\" is no rule; there are: %s",
               text,
               names->str);
  return -1;
}

static bool
ignore_one (MilterCompareRules *rules, const char *name, GError **error)
{
  const char *argument;
  int row = find_rule (name, &argument, error);
  const MilterSpec *spec;

  if (row < 0)
    return false;
  if (argument == NULL)
    {
      rules->bits |= 1u << row;
      return true;
    }
  if (1u << row == MILTER_RULE_HEADER)
    {
      g_ptr_array_add (rules->headers, g_ascii_strdown (argument, -1));
      return true;
    }
  spec = milter_spec_from_word (MILTER_SIDE_MILTER, argument);
  if (spec == NULL || spec->kind != MILTER_REPLY_KIND_EDIT)
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   "\"%s\": %s is no edit, as add-header, replace-body or add-rcpt",
                   name,
                   argument);
      return false;
    }
  g_ptr_array_add (rules->edits, g_strdup (argument));
  return true;
}

static bool
heed_one (MilterCompareRules *rules, const char *name, GError **error)
{
  const char *argument;
  int row = find_rule (name, &argument, error);

  if (row < 0)
    return false;
  if (argument != NULL || !rules_list[row].is_default)
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   "\"%s\" does not hold by default, and need not be taken back",
                   name);
      return false;
    }
  rules->bits &= ~(1u << row);
  return true;
}

static bool
for_each_name (MilterCompareRules *rules,
               const char *names,
               bool (*take) (MilterCompareRules *rules, const char *name, GError **error),
               GError **error)
{
  g_auto (GStrv) words = g_strsplit (names, ",", /* max_tokens= */ -1);

  if (*words == NULL)
    return take (rules, names, error);
  for (char **word = words; *word != NULL; word++)
    if (!take (rules, g_strstrip (*word), error))
      return false;
  return true;
}

bool
milter_compare_rules_ignore (MilterCompareRules *rules, const char *names, GError **error)
{
  return for_each_name (rules, names, ignore_one, error);
}

bool
milter_compare_rules_heed (MilterCompareRules *rules, const char *names, GError **error)
{
  return for_each_name (rules, names, heed_one, error);
}

/* --- fields and edits
 * ---------------------------------------------------------------------------------- */

/* `*` is any run of characters */
static bool
matches (const char *pattern, MilterBytes name)
{
  const char *star = NULL;
  gsize from = 0, at = 0;

  while (at < name.size)
    if (*pattern == '*')
      {
        star = pattern++;
        from = at;
      }
    else if (*pattern != '\0' && *pattern == g_ascii_tolower (name.data[at]))
      {
        pattern++;
        at++;
      }
    else if (star != NULL)
      {
        pattern = star + 1;
        at = ++from;
      }
    else
      return false;
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}

bool
milter_compare_ignores_header (const MilterCompareRules *rules, MilterBytes name)
{
  for (guint i = 0; i < rules->headers->len; i++)
    if (matches (g_ptr_array_index (rules->headers, i), name))
      return true;
  return false;
}

bool
milter_compare_ignores_edit (const MilterCompareRules *rules, const char *word)
{
  if ((rules->bits & MILTER_RULE_EDITS) != 0)
    return true;
  for (guint i = 0; i < rules->edits->len; i++)
    if (strcmp (g_ptr_array_index (rules->edits, i), word) == 0)
      return true;
  return false;
}

/* --- texts
 * --------------------------------------------------------------------------------------------- */

static bool
is_field (const char *fields, MilterBytes name)
{
  g_autofree char *lower = NULL;
  g_autofree char *word = NULL;

  if (fields == NULL)
    return true;
  if (name.size == 0 || memchr (name.data, '\0', name.size) != NULL)
    return false;
  lower = g_ascii_strdown ((const char *) name.data, (gssize) name.size);
  word = g_strdup_printf (" %s ", lower);
  return strstr (fields, word) != NULL;
}

static void
replace_all (GString *text, const GString *part, const char *replacement)
{
  gsize at = 0;

  if (part == NULL || part->len < MIN_ID)
    return;
  while (at + part->len <= text->len)
    if (memcmp (text->str + at, part->str, part->len) != 0)
      at++;
    else
      {
        g_string_erase (text, (gssize) at, (gssize) part->len);
        g_string_insert (text, (gssize) at, replacement);
        at += strlen (replacement);
      }
}

static void
replace_matches (GString *text, const GRegex *regex, const char *replacement)
{
  g_autofree char *replaced = NULL;
  /* a NUL would end what is replaced: such a text stays as it is */
  if (memchr (text->str, '\0', text->len) != NULL)
    return;
  replaced = g_regex_replace (regex,
                              text->str,
                              (gssize) text->len,
                              /* start= */ 0,
                              replacement,
                              /* match_options= */ 0,
                              /* error= */ NULL);
  if (replaced != NULL)
    g_string_assign (text, replaced);
}

GString *
milter_compare_normalise (const MilterCompareRules *rules,
                          guint bits,
                          MilterBytes field,
                          const MilterCompareText *text)
{
  GString *out = g_string_new_len ((const char *) text->text.data, (gssize) text->text.size);

  if ((bits & MILTER_RULE_IDS) != 0 && text->message != NULL)
    {
      replace_all (out, text->message->message_id, "<id>");
      replace_all (out, text->message->queue_id, "<id>");
    }
  for (gsize i = 0; i < G_N_ELEMENTS (text_rows); i++)
    if ((bits & text_rows[i].rule) != 0 && is_field (text_rows[i].fields, field))
      replace_matches (out, rules->regexes[i], text_rows[i].replacement);
  return out;
}

static bool
are_equal_without (const MilterCompareRules *rules,
                   guint bits,
                   MilterBytes field,
                   const MilterCompareText *a,
                   const MilterCompareText *b)
{
  GString *one = milter_compare_normalise (rules, bits, field, a);
  GString *other = milter_compare_normalise (rules, bits, field, b);
  bool equal = g_string_equal (one, other);

  g_string_free (one, TRUE);
  g_string_free (other, TRUE);
  return equal;
}

static void
append_name (GString *by, guint row)
{
  g_string_append_printf (by, "%s%s", by->len > 0 ? "," : "", rules_list[row].name);
}

bool
milter_compare_texts_pass (const MilterCompareRules *rules,
                           MilterBytes field,
                           const MilterCompareText *a,
                           const MilterCompareText *b,
                           GString *by)
{
  guint bits = rules->bits & MILTER_RULES_OF_TEXT;

  if (bits == 0 || !are_equal_without (rules, bits, field, a, b))
    return false;
  /* one rule after another is put aside, as long as the others suffice */
  for (guint row = 0; row < G_N_ELEMENTS (rules_list); row++)
    if ((bits & (1u << row)) != 0 && are_equal_without (rules, bits & ~(1u << row), field, a, b))
      bits &= ~(1u << row);
  for (guint row = 0; by != NULL && row < G_N_ELEMENTS (rules_list); row++)
    if ((bits & (1u << row)) != 0)
      append_name (by, row);
  return true;
}
