/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-option-private.h: which words of an option were set since somebody asked to look at that.
 */
#pragma once

#include "milter-option.h"

G_BEGIN_DECLS

typedef enum
{
  MILTER_OPTION_WORD_VERSION = 1 << 0,
  MILTER_OPTION_WORD_ACTIONS = 1 << 1,
  MILTER_OPTION_WORD_STEPS = 1 << 2
} MilterOptionWord;

/* also those that were set to what they were before: somebody meant that */
MILTER_AVAILABLE MilterOptionWord _milter_option_get_words_set (MilterOption *option);
MILTER_AVAILABLE void _milter_option_forget_words_set (MilterOption *option);

G_END_DECLS
