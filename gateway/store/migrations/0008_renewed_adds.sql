-- How often somebody has renewed how he comes in. A sign-in from before is over.
ALTER TABLE person ADD COLUMN renewed INTEGER NOT NULL DEFAULT 0;
