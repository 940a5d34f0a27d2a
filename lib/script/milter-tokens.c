/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-tokens.c: the words of a file, noted while it is read.
 */
#include "milter-tokens.h"

void
milter_tokens_init (MilterTokens *tokens, const char *text, gsize size)
{
  *tokens = (MilterTokens){
    .text = text,
    .size = size,
    .tokens = g_array_new (FALSE, FALSE, sizeof (MilterToken)),
  };
}

void
milter_tokens_clear (MilterTokens *tokens)
{
  g_clear_pointer (&tokens->tokens, g_array_unref);
}

void
milter_tokens_add (MilterTokens *tokens, const char *at, gsize size, const MilterToken *token)
{
  GArray *array = tokens->tokens;
  MilterToken added = *token;

  /* of a file that this one includes */
  if (at < tokens->text || at > tokens->text + tokens->size)
    return;
  added.start = (gsize) (at - tokens->text);
  added.end = added.start + size;
  /* a line that is read once more */
  while (array->len > 0 && g_array_index (array, MilterToken, array->len - 1).start >= added.start)
    g_array_set_size (array, array->len - 1);
  g_array_append_val (array, added);
}

void
milter_tokens_set_role (MilterTokens *tokens, MilterTokenRole role)
{
  if (tokens->tokens->len > 0)
    g_array_index (tokens->tokens, MilterToken, tokens->tokens->len - 1).role = role;
}
