/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lexer.h: the lines of a scenario, and words on demand from the present line.
 *
 * What a run of bytes means depends on where it stands (a star behind `=>` is a pattern, a quote
 * in the middle of a header value is itself), so that the parser asks for the kind of word that it
 * expects next. A function that fails has told its error; the parser then goes on with the next
 * line.
 */
#pragma once

#include "milter-counted-text.h"
#include "milter-scenario.h"
#include "milter-tokens.h"

#include <stdbool.h>

G_BEGIN_DECLS

typedef enum
{
  MILTER_WORD_BARE,
  MILTER_WORD_QUOTED,       /* "…", also behind NAME= */
  MILTER_WORD_LITERAL,      /* '…', also behind NAME= */
  MILTER_WORD_REGEX,        /* /…/, also behind NAME= */
  MILTER_WORD_HERE_DOCUMENT
} MilterWordKind;

typedef enum
{
  MILTER_LEX_PLAIN = 0,
  MILTER_LEX_PATTERN = 1 << 0,       /* `*` is a star, /…/ a regex */
  MILTER_LEX_VALUE_PATTERN = 1 << 1, /* as well behind the `=` of NAME=/…/ */
  MILTER_LEX_HERE_DOCUMENT = 1 << 2, /* <<WORD is a here-document */
  MILTER_LEX_BEHIND_ARROW = 1 << 3   /* literal, but behind `=>`: ` | ` is quoted there */
} MilterLexFlags;

/* in key_size: the word is no NAME=VALUE */
#define MILTER_WORD_NO_KEY G_MAXSIZE

/**
 * MilterWord:
 * @text: its bytes without quotes and escapes; of a regex the expression
 * @marks: (nullable): of #MilterMark: where $n and $p stand in it, if the lexer keeps that
 * @stars: (nullable): for the bytes up to its length, which ones are stars
 * @key_size: of NAME=VALUE: the bytes of NAME; else %MILTER_WORD_NO_KEY
 * @caseless: of a regex: an `i` follows it
 * @offset: where it begins in the line
 *
 * A word. Initialise with MILTER_WORD_INIT, give back with milter_word_clear().
 */
typedef struct
{
  MilterWordKind kind;
  GString *text;
  GByteArray *stars;
  GArray *marks;
  gsize key_size;
  bool caseless;
  gsize offset;
} MilterWord;

#define MILTER_WORD_INIT { .key_size = MILTER_WORD_NO_KEY }

void milter_word_clear (MilterWord *word);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MilterWord, milter_word_clear)

/* the bytes from @start on; views, valid as long as the word */
MilterBytes milter_word_bytes (const MilterWord *word, gsize start);
/* of NAME=VALUE: both sides */
MilterBytes milter_word_key (const MilterWord *word);
MilterBytes milter_word_value (const MilterWord *word);
bool milter_word_has_key (const MilterWord *word, const char *key);
/* a bare word without stars that is just this */
bool milter_word_is (const MilterWord *word, const char *text);
/* the bytes from @start on as a pattern. A regex that does not compile: NULL with @error */
MilterPattern *milter_word_to_pattern (const MilterWord *word, gsize start, GError **error);

/* a file that is being read; all unowned */
typedef struct
{
  const char *path;        /* for errors */
  const char *text;        /* the whole file */
  gsize size;
  gsize next;              /* where the next line begins */
  guint next_number;
} MilterSource;

typedef struct
{
  const char *path;        /* of the file that is being read, as in MilterSource */
  const char *text;
  gsize size;
  gsize next;
  guint next_number;
  GArray *outer;           /* (nullable) of MilterSource: the files that include this one */
  gsize total;             /* bytes of all that were read */
  guint number;            /* the present line, from 1 */
  const char *line;
  gsize line_size;         /* without its end */
  gsize at;                /* how much of it is read */
  gsize counted;           /* columns are counted from here on: lines can be long */
  guint counted_column;
  guint here_number;       /* the line whose here-document has been read */
  const MilterScenarioHost *host; /* (nullable) */
  GHashTable *variables;   /* of char * to MilterCountedText */
  GHashTable *used;        /* (nullable) the same: those that the present line has used */
  guint n, p;              /* the values of $n and $p */
  bool varies;             /* the present line has used $n or $p … */
  gsize varies_at;         /* … first here */
  bool keeps_marks;        /* words tell where */
  gsize memory;            /* what the scenario holds so far */
  bool exhausted;          /* too many errors or bytes: the rest is left unread */
  guint n_errors;
  GString *messages;       /* unowned */
  MilterTokens *tokens;    /* (nullable) unowned: the words that were read */
} MilterLexer;

void milter_lexer_init (MilterLexer *lexer,
                        const char *path,
                        const char *text,
                        gsize size,
                        GString *messages);
void milter_lexer_clear (MilterLexer *lexer);

/* Reads @text before what follows the present line. @path, @text: to live as long as the lexer. False,
 * told, if all files together are too long. */
bool milter_lexer_enter (MilterLexer *lexer, const char *path, const char *text, gsize size);
/* how many files are open, the first one not counted; and their paths, the first one's at 0 */
guint milter_lexer_get_depth (const MilterLexer *lexer);
const char *milter_lexer_get_path (const MilterLexer *lexer, guint depth);
/* Moves to the next line that holds more than blanks and a comment. */
bool milter_lexer_next_line (MilterLexer *lexer);
/* Behind a line with an error: if it ends in <<WORD and that here-document is there, passes over it,
 * so that its text is not taken for statements. */
void milter_lexer_skip_here_document (MilterLexer *lexer);

/* Tells an error somewhere. Returns false. */
bool milter_lexer_fail_at (MilterLexer *lexer, const MilterWhere *where, const char *message);
/* Tells an error at @offset of the present line: `FILE:LINE:COLUMN: MESSAGE`. Returns false. */
bool milter_lexer_fail (MilterLexer *lexer, gsize offset, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* Tells `expected WHAT, got "the word at offset"`. Returns false. */
bool milter_lexer_expected (MilterLexer *lexer, gsize offset, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* Counts @size bytes that the scenario will hold; false, told once, when it is too much. */
bool milter_lexer_charge (MilterLexer *lexer, gsize size);

/* the place of @offset in the present line */
MilterWhere milter_lexer_where (MilterLexer *lexer, gsize offset);
/* Passes over blanks. Returns the offset of what follows. */
gsize milter_lexer_skip_blanks (MilterLexer *lexer);
/* whether nothing but blanks and a comment follows */
bool milter_lexer_at_end (MilterLexer *lexer);
/* whether the next word is, byte for byte, @text; and passes over it if so */
bool milter_lexer_peek (MilterLexer *lexer, const char *text);
bool milter_lexer_take (MilterLexer *lexer, const char *text);
/* the next word as it is written, not passed over */
MilterBytes milter_lexer_peek_raw (MilterLexer *lexer);

/* The next word. There must be one: ask milter_lexer_at_end() before. */
bool milter_lexer_word (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word);
/* The next word up to a colon: a header's name. @colon: whether there is one (passed over). */
bool milter_lexer_field_name (MilterLexer *lexer, MilterLexFlags flags, MilterWord *word, bool *colon);
/* The value behind that colon, without its first blank; @leading_blank says whether it had one. */
bool milter_lexer_field_value (MilterLexer *lexer,
                               MilterLexFlags flags,
                               MilterWord *word,
                               bool *leading_blank);
/* The same where nothing takes the rest of the line: the value is one word, and there is one. */
bool milter_lexer_field_word (MilterLexer *lexer,
                              MilterLexFlags flags,
                              MilterWord *word,
                              bool *leading_blank);
/* what the word that was read last is taken for */
void milter_lexer_set_role (MilterLexer *lexer, MilterTokenRole role);
/* The rest of the line, or one quoted string. */
bool milter_lexer_rest (MilterLexer *lexer, MilterWord *word);
/* nothing may follow but what the parser has looked for already */
bool milter_lexer_finish_line (MilterLexer *lexer, const char *expected);

/* Defines a variable from here on; -D of the command line wins. @name: as
 * milter_lexer_is_variable_name() allows. False, told, if it takes too much memory. */
bool milter_lexer_let (MilterLexer *lexer, const char *name, const MilterWord *value);
/* the language's own */
void milter_lexer_set_variable (MilterLexer *lexer, const char *name, MilterBytes value);
void milter_lexer_unset_variable (MilterLexer *lexer, const char *name);
bool milter_lexer_is_variable_name (MilterBytes name);
/* one that the language defines itself */
bool milter_lexer_is_predefined (const char *name);

G_END_DECLS
