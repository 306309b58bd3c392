/* Plays a game over a slow line, as games for two do: the other's buttons arrive some frames late, so each frame is played
 * at once with a guess, and where the guess was wrong the game goes back and plays those frames again. C11 and C++17. */
#include "game.h"
#include <stdio.h>
#include <stdlib.h>

enum { FRAMES = 3000, DELAY = 7 };

/* What the players do: each keeps buttons pressed for a while. */
static int32_t buttons_of(int player, int frame)
{
	uint32_t held = (uint32_t)(frame / (player ? 23 : 17) + 1) * (player ? 2654435761u : 40503u);
	return (int32_t)(held >> 7 & 15);
}

static void expect(pal_status status)
{
	if (status != PAL_OK) {
		fprintf(stderr, "error %d\n", (int)status);
		exit(1);
	}
}

static struct game *new_game(void)
{
	struct game *game;
	if (pal_game_instantiate(&game) == PAL_TRAP_NONE)
		return game;
	fprintf(stderr, "%s\n", pal_last_trap()->message);
	exit(1);
}

/* What the game was before each of the last frames. */
static pal_snapshot *before[DELAY];

static void play(struct game *game, int frame, int32_t guess)
{
	pal_snapshot_free(before[frame % DELAY]);
	expect(pal_game_snapshot(game, &before[frame % DELAY]));
	game_step(game, buttons_of(0, frame), guess);
}

int main(void)
{
	struct game *game = new_game(), *known = new_game();
	int32_t guesses[FRAMES];
	int rollbacks = 0, again = 0;
	for (int frame = 0; frame < FRAMES; frame++) {
		/* What has arrived by now: the other's buttons of DELAY - 1 frames ago. They are the guess for all that follow. */
		int arrived = frame - (DELAY - 1);
		int32_t guess = arrived < 0 ? 0 : buttons_of(1, arrived);
		if (arrived >= 0 && guesses[arrived] != guess) {
			expect(pal_game_restore(game, before[arrived % DELAY]));
			rollbacks++;
			for (int old = arrived; old < frame; old++, again++)
				play(game, old, guesses[old] = guess);
		}
		play(game, frame, guesses[frame] = guess);
	}
	for (int old = FRAMES - (DELAY - 1); old < FRAMES; old++) {
		if (guesses[old] == buttons_of(1, old))
			continue;
		expect(pal_game_restore(game, before[old % DELAY]));
		rollbacks++;
		for (int frame = old; frame < FRAMES; frame++, again++)
			play(game, frame, guesses[frame] = buttons_of(1, frame));
	}
	/* The same game by somebody who knew all buttons at once. */
	for (int frame = 0; frame < FRAMES; frame++)
		game_step(known, buttons_of(0, frame), buttons_of(1, frame));
	printf("%d frames, %d times back, %d frames again\n", FRAMES, rollbacks, again);
	printf("score %d, %s\n", (int)*game_score(game),
	       game_digest(game) == game_digest(known) ? "as if nothing had been late" : "and another one if nothing is late");
	for (int i = 0; i < DELAY; i++)
		pal_snapshot_free(before[i]);
	pal_game_free(game);
	pal_game_free(known);
	return 0;
}
