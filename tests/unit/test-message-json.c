/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-message-json.c: each kind of field as JSON.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "message-json.h"

typedef struct
{
  MilterSide from;
  const char *frame; /* the letter and the payload; a bar is a NUL */
  const char *json;
} Case;

#define MTA    MILTER_SIDE_MTA
#define MILTER MILTER_SIDE_MILTER
#define HEAD(from, letter, name, word)                                                             \
  "{\"from\":\"" from "\",\"letter\":\"" letter "\",\"name\":\"" name "\",\"word\":\"" word "\","

/* clang-format off */
static const Case cases[] = {
  { MTA, "O|||\x06||\x01\xff||\x01|", HEAD ("mta", "O", "SMFIC_OPTNEG", "negotiate") "\"fields\":{\"version\":6,\"actions\":511,\"steps\":256,\"tail\":\"\"}}" },
  { MILTER, "O|||\x06|||||||||||\x01i {a}||||\x09|", HEAD ("milter", "O", "SMFIR_OPTNEG", "negotiate")
    "\"fields\":{\"version\":6,\"actions\":0,\"steps\":0,\"symbols\":[{\"stage\":\"helo\",\"names\":\"i {a}\"},{\"stage\":9,\"names\":\"\"}]}}" },
  { MTA, "DMi|4F1|{a}|\"|", HEAD ("mta", "D", "SMFIC_MACRO", "macro") "\"fields\":{\"stage\":\"M\",\"macros\":{\"i\":\"4F1\",\"{a}\":\"\\\"\"}}}" },
  { MTA, "DMi|\xe4|", HEAD ("mta", "D", "SMFIC_MACRO", "macro") "\"fields\":{\"stage\":\"M\",\"macros_base64\":[[\"aQ==\",\"5A==\"]]}}" },
  { MTA, "DH", HEAD ("mta", "D", "SMFIC_MACRO", "macro") "\"fields\":{\"stage\":\"H\",\"macros\":{}}}" },
  { MTA, "Ch|4|\x19" "192.0.2.7|", HEAD ("mta", "C", "SMFIC_CONNECT", "connect")
    "\"fields\":{\"host\":\"h\",\"address\":{\"family\":\"4\",\"port\":25,\"text\":\"192.0.2.7\"}}}" },
  { MTA, "C|U", HEAD ("mta", "C", "SMFIC_CONNECT", "connect") "\"fields\":{\"host\":\"\",\"address\":{\"family\":\"U\"}}}" },
  { MTA, "M<a>|SIZE=1|X|", HEAD ("mta", "M", "SMFIC_MAIL", "mail") "\"fields\":{\"address\":\"<a>\",\"arguments\":[\"SIZE=1\",\"X\"]}}" },
  { MTA, "R<\xe4>|N|\xff|", HEAD ("mta", "R", "SMFIC_RCPT", "rcpt") "\"fields\":{\"address_base64\":\"POQ+\",\"arguments_base64\":[\"Tg==\",\"/w==\"]}}" },
  { MTA, "LSubject|\xc3\xa4\n\tb|", HEAD ("mta", "L", "SMFIC_HEADER", "header") "\"fields\":{\"name\":\"Subject\",\"value\":\"\xc3\xa4\\n\\u0009b\"}}" },
  { MTA, "Ba|b", HEAD ("mta", "B", "SMFIC_BODY", "body") "\"fields\":{\"chunk\":\"a\\u0000b\"}}" },
  { MTA, "T", HEAD ("mta", "T", "SMFIC_DATA", "data") "\"fields\":{}}" },
  { MTA, "H", HEAD ("mta", "H", "SMFIC_HELO", "helo") "\"fault\":\"helo (SMFIC_HELO): name at offset 0 has no terminating NUL\",\"payload\":\"\"}" },
  { MTA, "Zx", "{\"from\":\"mta\",\"letter\":\"Z\",\"fault\":\"unknown command letter 'Z' (0x5a)\",\"payload\":\"x\"}" },
  { MILTER, "\xff\xfe", "{\"from\":\"milter\",\"letter_base64\":\"/w==\",\"fault\":\"unknown reply letter 0xff\",\"payload_base64\":\"/g==\"}" },
  { MILTER, "i|||\x02X|y|", HEAD ("milter", "i", "SMFIR_INSHEADER", "insert-header") "\"fields\":{\"index\":2,\"name\":\"X\",\"value\":\"y\"}}" },
  { MILTER, "y550 no|", HEAD ("milter", "y", "SMFIR_REPLYCODE", "reply-code") "\"fields\":{\"text\":\"550 no\"}}" },
};
/* clang-format on */

Test (message_json, each_field_has_its_form)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *frame = g_strdelimit (g_strdup (cases[i].frame), "|", '\0');
      g_autoptr (GString) out = g_string_new ("{");
      MilterMessage message;

      milter_message_parse (cases[i].from,
                            (guint8) frame[0],
                            milter_bytes (frame + 1, strlen (cases[i].frame) - 1),
                            &message);
      message_append_json (&message, out);
      g_string_append_c (out, '}');
      cr_expect_str_eq (out->str, cases[i].json, "%s\n%s", out->str, cases[i].json);
    }
}

Test (message_json, members_follow_those_that_are_there)
{
  g_autoptr (GString) out = g_string_new ("{\"connection\":1");
  MilterMessage message;

  milter_message_init (&message, MILTER_SIDE_MILTER, MILTER_REPLY_CONTINUE);
  message_append_json (&message, out);
  cr_assert (g_str_has_prefix (out->str, "{\"connection\":1,\"from\":\"milter\","));
}
